"""Maven Central, by the layout of its repository (maven.apache.org/repositories/layout.html)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packageurl import PackageURL

from scanner.errors import HttpAnswered
from scanner.fetch import Client, Digest
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "Maven Central"

_SHA1 = re.compile(r"\s*([0-9a-fA-F]{40})\b")
_LICENSE = re.compile(r"<license>.*?<name>\s*([^<]{1,300}?)\s*</name>", re.DOTALL)
#: What is tried where nothing is asked for: what was written, before what was made of it.
_TRIED = (("sources", "jar"), ("", "jar"), ("", "aar"), ("", "war"), ("", "pom"))


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if host in ("repo1.maven.org", "repo.maven.apache.org"):
        return _of_repository(list(names[1:])) if names[:1] == ["maven2"] else None
    if len(names) > 2 and names[0] == "artifact":
        return PackageURL("maven", names[1], names[2], names[3] if len(names) > 3 and names[3][:1].isdigit() else None)
    return None


def _of_repository(names: list[str]) -> PackageURL | None:
    """Read group/of/names/artifact/version/[artifact-version-classifier.type]."""
    file = re.fullmatch(r"(.+)\.(jar|war|aar|pom|zip|tar\.gz)", names[-1]) if names else None
    if file and len(names) > 3:
        *group, artifact, version, _ = names
        start = f"{artifact}-{version}"
        if not file[1].startswith(start):
            return None
        qualifiers = {"type": file[2], "classifier": file[1].removeprefix(start).lstrip("-")}
        return PackageURL("maven", ".".join(group), artifact, version, {k: v for k, v in qualifiers.items() if v})
    if len(names) > 2 and names[-1][:1].isdigit():
        return PackageURL("maven", ".".join(names[:-2]), names[-2], names[-1])
    return None


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    folder = "/".join(registry.part(name) for name in [*(purl.namespace or "").split("."), purl.name])
    base = f"{purl.qualifiers.get('repository_url', registries.maven).rstrip('/')}/{folder}"
    version = purl.version or _newest(client, base, purl)
    kind, classifier = purl.qualifiers.get("type"), purl.qualifiers.get("classifier")
    tried = ((classifier or "", kind or "jar"),) if kind or classifier else _TRIED
    for classifier, kind in tried:
        name = f"{purl.name}-{version}{f'-{classifier}' if classifier else ''}.{kind}"
        url = f"{base}/{registry.part(version)}/{registry.part(name)}"
        digest = _digest(client, url)
        if digest:
            notes = ("The jar of its sources was taken.",) if tried is _TRIED and classifier else ()
            license_ = _license(
                client, f"{base}/{registry.part(version)}/{registry.part(f'{purl.name}-{version}.pom')}"
            )
            return registry.Resolved(
                registry.with_version(purl, version), (registry.PackageFile(url, name, digest),), license_, notes
            )
    raise registry.no_such(registry.described(registry.with_version(purl, version)), SITE)


def _newest(client: Client, base: str, purl: PackageURL) -> str:
    text = registry.ask_text(client, f"{base}/maven-metadata.xml", registry.described(purl), SITE)
    # Not parsed as XML: an XML parser is no place for what a stranger's server sends.
    match = re.search(r"<release>\s*([^<\s]+)\s*<", text) or re.search(r"<latest>\s*([^<\s]+)\s*<", text)
    return match[1] if match else re.findall(r"<version>\s*([^<\s]+)\s*<", text)[-1]


def _digest(client: Client, url: str) -> Digest | None:
    """Return the SHA-1 that a repository keeps beside every file; None if there is no such file."""
    try:
        match = _SHA1.match(client.read(f"{url}.sha1", most=10_000).decode("ascii", errors="replace"))
    except HttpAnswered as error:
        if error.status != 404:
            raise
        return None
    return Digest("sha1", match[1].lower()) if match else None


def _license(client: Client, url: str) -> str | None:
    try:
        return registry.license_text(
            _LICENSE.findall(client.read(url, most=5_000_000).decode("utf-8", errors="replace"))
        )
    except HttpAnswered:
        return None
