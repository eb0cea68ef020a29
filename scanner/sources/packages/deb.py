"""Debian, by the archive of all its versions (snapshot.debian.org, "machine-usable interface")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packageurl import PackageURL

from scanner.errors import HttpAnswered
from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "Debian"


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    rest = list(names)
    if host == "packages.debian.org":
        source = rest[:1] == ["source"] or (bool(rest) and rest[0].startswith("src:"))
        rest = rest[1:] if rest[:1] == ["source"] else rest
        if not rest:
            return None
        name = rest[-1].removeprefix("src:") if len(rest) == 1 else rest[1]
        return _package(name, None, None if source else "binary")
    if host == "tracker.debian.org":
        return _package(rest[1], None, None) if rest[:1] == ["pkg"] and len(rest) > 1 else None
    if rest[:1] in (["src"], ["package"]) and len(rest) > 1:
        version = rest[2] if len(rest) > 2 and rest[2][:1].isdigit() else None
        return _package(rest[1], version, None)
    return None


def _package(name: str, version: str | None, arch: str | None) -> PackageURL:
    # Without knowing better a page of a binary package is answered with its source, which has the licences.
    return PackageURL("deb", "debian", name, version, {"arch": "source"} if arch is None else None)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    base = f"{registries.deb}/mr"
    arch = purl.qualifiers.get("arch")
    if arch and arch != "source":
        return _binary(client, purl, arch, registries)
    name, version, notes = purl.name, purl.version, tuple[str, ...]()
    if not version:
        name, version = _newest(client, purl, base)
        if name != purl.name:
            notes = (f"The source package {name}, which {purl.name} is made from, was taken.",)
    url = f"{base}/package/{registry.part(name)}/{registry.part(version)}/srcfiles?fileinfo=1"
    files = _files(registry.ask(client, url, registry.described(purl), SITE), registries)
    if not files:
        raise registry.no_such(registry.described(purl), SITE)
    return registry.Resolved(
        registry.with_version(purl._replace(name=name), version, arch="source"), tuple(files), None, notes
    )


def _newest(client: Client, purl: PackageURL, base: str) -> tuple[str, str]:
    """Return the name of the source package and its newest version; pages often name a package that is made from it."""
    try:
        return purl.name, client.json(f"{base}/package/{registry.part(purl.name)}/")["result"][0]["version"]
    except HttpAnswered as error:
        if error.status != 404:
            raise
    made = registry.ask(client, f"{base}/binary/{registry.part(purl.name)}/", registry.described(purl), SITE)["result"][
        0
    ]
    return made["source"], made["version"]


def _binary(client: Client, purl: PackageURL, arch: str, registries: Registries) -> registry.Resolved:
    base = f"{registries.deb}/mr/binary/{registry.part(purl.name)}"
    version = (
        purl.version or registry.ask(client, f"{base}/", registry.described(purl), SITE)["result"][0]["binary_version"]
    )
    answer = registry.ask(
        client, f"{base}/{registry.part(version)}/binfiles?fileinfo=1", registry.described(purl), SITE
    )
    wanted = [result["hash"] for result in answer["result"] if result["architecture"] in (arch, "all")]
    files = _files({**answer, "result": [{"hash": wanted[0]}] if wanted else []}, registries)
    if not files:
        raise registry.no_such(f"{registry.described(purl)} for {arch}", SITE)
    return registry.Resolved(registry.with_version(purl, version), tuple(files))


def _files(answer: dict[str, Any], registries: Registries) -> list[registry.PackageFile]:
    """Return the files that are named by their SHA-1; each may have several names, of which one is enough."""
    files: dict[str, registry.PackageFile] = {}
    for digest in sorted({result["hash"] for result in answer["result"]}):
        name = answer["fileinfo"][digest][0]["name"]
        files[name] = registry.PackageFile(
            f"{registries.deb}/file/{registry.part(digest)}", name, registry.hex_digest("sha1", digest)
        )
    return [files[name] for name in sorted(files)]
