"""NuGet, by its V3 API (learn.microsoft.com/nuget/api/overview)."""

from __future__ import annotations

from collections.abc import Sequence

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "NuGet"

_ALGORITHMS = {"SHA512": "sha512", "SHA256": "sha256"}


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if host == "api.nuget.org":
        if names[:1] != ["v3-flatcontainer"] or len(names) < 3:
            return None
        return PackageURL("nuget", None, names[1], names[2])
    rest = list(names[2:]) if names[:2] == ["api", "v2"] else list(names)
    if len(rest) < 2 or rest[0] not in ("packages", "package"):
        return None
    return PackageURL("nuget", None, rest[1], rest[2] if len(rest) > 2 and rest[2][:1].isdigit() else None)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    index = registry.ask(client, f"{registries.nuget}/v3/index.json", "service index", SITE)["resources"]
    content, registration = (
        _resource(index, name) for name in ("PackageBaseAddress/3.0.0", "RegistrationsBaseUrl/3.6.0")
    )
    name, version = registry.part(purl.name.lower()), purl.version
    if not version:
        version = registry.newest(
            registry.ask(client, f"{content}/{name}/index.json", registry.described(purl), SITE)["versions"],
            lambda v: "-" in v,
        )
    leaf = registry.ask(
        client, f"{registration}/{name}/{registry.part(version.lower())}.json", registry.described(purl), SITE
    )
    entry = leaf["catalogEntry"]
    if isinstance(entry, str):
        entry = registry.ask(client, entry, registry.described(purl), SITE)
    url = (
        leaf.get("packageContent") or f"{content}/{name}/{registry.part(version)}/{name}.{registry.part(version)}.nupkg"
    )
    algorithm = _ALGORITHMS.get(entry.get("packageHashAlgorithm", ""), "")
    digest = registry.base64_digest(algorithm, entry.get("packageHash")) if algorithm else None
    file = registry.PackageFile(url, f"{purl.name}.{version}.nupkg".lower(), digest)
    return registry.Resolved(
        registry.with_version(purl, version), (file,), registry.license_text(entry.get("licenseExpression"))
    )


def _resource(index: list[dict[str, str]], name: str) -> str:
    return {resource["@type"]: resource["@id"] for resource in index}[name].rstrip("/")
