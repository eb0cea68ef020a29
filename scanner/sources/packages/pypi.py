"""PyPI, by its JSON API (docs.pypi.org/api/json)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "PyPI"

_SDIST = re.compile(r"(.+?)-(\d[^-]*?)\.(?:tar\.gz|tar\.bz2|zip|tgz)")
_WHEEL = re.compile(r"([^-]+)-(\d[^-]*)(?:-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl")


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if host == "files.pythonhosted.org":
        match = _WHEEL.fullmatch(names[-1]) or _SDIST.fullmatch(names[-1]) if names else None
        return PackageURL("pypi", None, match[1], match[2], {"file_name": names[-1]}) if match else None
    if len(names) > 1 and names[0] in ("project", "pypi", "simple"):
        version = names[2] if len(names) > 2 and names[2][:1].isdigit() else None
        return PackageURL("pypi", None, names[1], version)
    return None


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    version = f"/{registry.part(purl.version)}" if purl.version else ""
    answer = registry.ask(
        client, f"{registries.pypi}/pypi/{registry.part(purl.name)}{version}/json", registry.described(purl), SITE
    )
    info, files = answer["info"], answer["urls"]
    wanted = purl.qualifiers.get("file_name")
    if wanted:
        files = [file for file in files if file["filename"] == wanted]
    if not files:
        raise registry.no_such(f"file {wanted or ''} of {purl.name}".replace("file  of", "file of"), SITE)
    file = min(files, key=_preference)
    notes = []
    if not wanted and file["packagetype"] != "sdist":
        notes.append("There is no source archive, so a wheel was taken.")
    if file.get("yanked"):
        notes.append("This version was withdrawn by its authors.")
    found = registry.PackageFile(
        file["url"], file["filename"], registry.hex_digest("sha256", file["digests"].get("sha256"))
    )
    return registry.Resolved(registry.with_version(purl, info["version"]), (found,), _license(info), tuple(notes))


def _preference(file: dict[str, Any]) -> tuple[bool, bool, str]:
    """Order files: the source, then wheels for every machine, then by name."""
    return file["packagetype"] != "sdist", not file["filename"].endswith("-none-any.whl"), file["filename"]


def _license(info: dict[str, Any]) -> str | None:
    stated = registry.license_text(info.get("license_expression"))
    if stated:
        return stated
    marks = [text for text in info.get("classifiers") or [] if text.startswith("License ::")]
    # Old metadata holds whole licence texts in this field; their first line names none.
    old = info.get("license") or ""
    return (
        registry.license_text(old)
        if old and len(old) <= 100
        else registry.license_text([mark.split(" :: ")[-1] for mark in marks])
    )
