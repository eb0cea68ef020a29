"""npm, by the registry's metadata of one version (github.com/npm/registry, docs/REGISTRY-API.md)."""

from __future__ import annotations

from collections.abc import Sequence

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "npm"


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    rest = list(names)
    if host.startswith("npmjs.") and (not rest or rest.pop(0) != "package"):
        return None
    scope = rest.pop(0) if rest and rest[0].startswith("@") else None
    if scope and "/" in scope:
        scope, _, name = scope.partition("/")
    elif rest:
        name = rest.pop(0)
    else:
        return None
    version = None
    if rest[:1] == ["v"] and len(rest) > 1:
        version = rest[1]
    elif rest[:1] == ["-"] and len(rest) > 1:
        version = rest[1].removeprefix(f"{name}-").removesuffix(".tgz")
    elif rest and not host.startswith("npmjs."):
        version = rest[0]
    return PackageURL("npm", scope, name, version)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    name = (
        f"{registry.part(purl.namespace)}%2F{registry.part(purl.name)}" if purl.namespace else registry.part(purl.name)
    )
    answer = registry.ask(
        client, f"{registries.npm}/{name}/{registry.part(purl.version or 'latest')}", registry.described(purl), SITE
    )
    dist, version = answer["dist"], answer["version"]
    # A package may state several digests; the first of the strongest kind is as good as all.
    stated = sorted((dist.get("integrity") or "").split(), key=lambda text: text[:6] != "sha512")
    algorithm, _, value = stated[0].partition("-") if stated else ("", "", "")
    digest = registry.base64_digest(algorithm, value) if algorithm in ("sha512", "sha384", "sha256", "sha1") else None
    file = registry.PackageFile(
        dist["tarball"], f"{purl.name}-{version}.tgz", digest or registry.hex_digest("sha1", dist.get("shasum"))
    )
    notes = (f"Its authors advise against it: {answer['deprecated'][:300]}",) if answer.get("deprecated") else ()
    return registry.Resolved(
        registry.with_version(purl, version),
        (file,),
        registry.license_text(answer.get("license") or answer.get("licenses")),
        notes,
    )
