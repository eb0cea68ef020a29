"""Packages of the registries: a purl, a page, a file's address or a package manager's line."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from packageurl import PackageURL

from scanner import urls
from scanner.errors import LimitExceeded, SourceRefused
from scanner.fetch import Client, Digest, digest_of
from scanner.limits import stated
from scanner.packing import tars
from scanner.registries import PAGES
from scanner.results import Source
from scanner.sources import files, git, images
from scanner.sources.base import Access, Request, making_sense_of
from scanner.sources.packages import (
    cargo,
    composer,
    conda,
    cpan,
    cran,
    deb,
    gem,
    golang,
    hackage,
    lines,
    maven,
    npm,
    nuget,
    pypi,
)
from scanner.sources.packages.registry import PackageFile, Resolved

__all__ = ["PackageRequest", "recognise"]

#: Type of a purl, and the module that knows its registry.
_REGISTRIES: dict[str, ModuleType] = {
    "pypi": pypi,
    "npm": npm,
    "cargo": cargo,
    "gem": gem,
    "maven": maven,
    "nuget": nuget,
    "composer": composer,
    "golang": golang,
    "hackage": hackage,
    "cran": cran,
    "cpan": cpan,
    "deb": deb,
    "conda": conda,
}

_PURL_ADVICE = "A purl looks like pkg:npm/express@4.21.2 or pkg:pypi/flask."
#: How registries write that they are asked for the newest version.
_NEWEST = ("latest", "*", "newest", "release")
_CHECKSUM = re.compile(r"(sha1|sha256|sha512):([0-9a-fA-F]{40,128})")


@dataclass(frozen=True)
class PackageRequest(Request):
    """A package of a registry, at a version or the newest."""

    kind: ClassVar[str] = "package"

    purl: PackageURL

    def fetch(self, client: Client, folder: Path) -> tuple[Source, Path]:
        registry = _REGISTRIES[self.purl.type]
        with making_sense_of(client, registry.SITE):
            resolved: Resolved = registry.resolve(client, self.purl, client.access.registries)
        path, url = _bring(client, resolved, folder)
        sha256, size = digest_of(path)
        version = resolved.purl.version
        notes = resolved.notes
        if not self.purl.version:
            notes = (f"No version was asked for; the newest, {version}, was taken.", *notes)
        source = Source(
            kind=self.kind,
            asked=self.asked,
            title=f"{registry.SITE} {_name(resolved.purl)} {version}",
            filename=path.name,
            url=url,
            version=version,
            purl=_published(resolved.purl),
            declared_license=resolved.declared_license,
            sha256=sha256,
            size=size,
            notes=notes,
        )
        return source, path


def recognise(text: str, _access: Access) -> Request | None:
    """Return the request for a purl, a page or file of a registry, or a package manager's line."""
    if text.startswith("pkg:"):
        return _of_purl(text)
    purl = lines.read(text)
    if purl is not None:
        return _request(text, purl)
    asked = lines.range_in(text)
    if asked is not None:
        raise _several(*asked)
    parts = urls.web_parts(text)
    if parts is None:
        return None
    host = (parts.hostname or "").removeprefix("www.")
    type_ = PAGES.get(host)
    if type_ is None:
        return None
    names = urls.path_names(parts)
    try:
        found = _REGISTRIES[type_].page(host, names, unquote(parts.fragment))
    except (LookupError, ValueError):
        return None
    return _request(text, found) if found and found.name else None


def _of_purl(text: str) -> Request:
    try:
        purl = PackageURL.from_string(text)
    except ValueError:
        raise SourceRefused("This is not a valid purl.", advice=_PURL_ADVICE) from None
    if purl.type in ("github", "gitlab", "bitbucket"):
        host = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}[purl.type]
        place = git.place_of(f"https://{host}/{purl.namespace}/{purl.name}", purl.version or "", purl.subpath or "")
        return git.request_for(text, place, text)
    if purl.type in ("docker", "oci"):
        return images.of_purl(text, purl)
    if purl.qualifiers.get("vcs_url", "").startswith("git+http"):
        return git.request_for(text, git.place_of(purl.qualifiers["vcs_url"].removeprefix("git+")), text)
    if purl.qualifiers.get("download_url"):
        return _of_download_url(text, purl)
    if purl.type not in _REGISTRIES:
        known = ", ".join(sorted({*_REGISTRIES, "github", "gitlab", "bitbucket", "docker", "oci"}))
        raise SourceRefused(f"Packages of the type {purl.type[:40]} are not known here.", advice=f"Known are {known}.")
    return _request(text, purl)


def _of_download_url(text: str, purl: PackageURL) -> Request:
    """Return the request for the file that the purl itself names, with the digest that it states."""
    url = urls.canonical(purl.qualifiers["download_url"]).partition("#")[0]
    stated = _CHECKSUM.search(purl.qualifiers.get("checksum", ""))
    expect = Digest(stated[1], stated[2].lower()) if stated else None
    understood = f"Package {_name(purl)} {purl.version or ''}".rstrip() + f" at {urlsplit(url).hostname}"
    return files.FileRequest(text, _name(purl), understood, url, expect, text)


def _request(text: str, purl: PackageURL) -> PackageRequest:
    if purl.type == "deb" and purl.namespace not in ("debian", None):
        raise SourceRefused(f"Packages of {purl.namespace[:40]} are not known here, only those of Debian.")
    if purl.type in ("composer", "maven") and not purl.namespace:
        raise SourceRefused("This package's name has two parts.", advice="Write it as pkg:maven/group/artifact.")
    if purl.version in _NEWEST:
        purl = purl._replace(version=None)
    if purl.version and lines.is_range(purl.version):
        raise _several(_name(purl), purl.version)
    site = _REGISTRIES[purl.type].SITE.removeprefix("The ").removesuffix(" module proxy")
    what = "module" if purl.type == "golang" else "package"
    version = f"version {purl.version}" if purl.version else "newest version"
    return PackageRequest(text, _name(purl), f"{site} {what} {_name(purl)}, {version}", purl)


def _several(name: str, range_: str) -> SourceRefused:
    """Return why a range is not looked up: each registry has rules of its own for what its newest member is."""
    advice = "Write the version that you mean, as the lock file has it, or none for the newest."
    return SourceRefused(f"{name[:100]} {range_[:60]} may be one of many versions; a scan is of one.", advice=advice)


def _bring(client: Client, resolved: Resolved, folder: Path) -> tuple[Path, str]:
    """Fetch the file of a package; where it has several, as Debian's sources do, they are packed into one tar."""
    if len(resolved.files) == 1:
        file = resolved.files[0]
        download = client.download(file.url, folder, name=urls.safe_name(file.name), expect=file.digest)
        return download.path, download.url
    name = urls.safe_name(f"{resolved.purl.name}-{resolved.purl.version}")
    with tempfile.TemporaryDirectory(prefix=".package-", dir=folder) as scratch:
        paths = [_part(client, file, Path(scratch)) for file in resolved.files]
        if sum(path.stat().st_size for path in paths) > client.limits.download_bytes:
            most = stated(client.limits, "download_bytes")
            raise LimitExceeded(f"The files of this package are larger together than {most}.")
        tars.pack_files(paths, name, Path(scratch) / "tar", client.limits)
        return (Path(scratch) / "tar").rename(folder / f"{name}.tar"), resolved.files[0].url


def _part(client: Client, file: PackageFile, folder: Path) -> Path:
    return client.download(file.url, folder, name=urls.safe_name(file.name), expect=file.digest).path


def _name(purl: PackageURL) -> str:
    separator = ":" if purl.type == "maven" else "/"
    shown = purl.namespace if purl.type != "deb" else None
    return f"{shown}{separator}{purl.name}" if shown else purl.name


def _published(purl: PackageURL) -> str:
    kept = {name: value for name, value in purl.qualifiers.items() if name != "repository_url"}
    return purl._replace(qualifiers=kept).to_string()
