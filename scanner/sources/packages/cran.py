"""CRAN, by the layout of its mirrors (cran.r-project.org/web/packages/policies.html).

No digest is checked: CRAN states MD5 in its whole index only, which proves little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from packageurl import PackageURL

from scanner.errors import FetchError
from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "CRAN"

_FILE = re.compile(r"([A-Za-z][A-Za-z0-9.]*)_([0-9][0-9.\-]*)\.tar\.gz")


def page(_host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if not names:
        return None
    file = _FILE.fullmatch(names[-1])
    if file:
        return PackageURL("cran", None, file[1], file[2])
    if names[0].startswith("package="):
        return PackageURL("cran", None, names[0].removeprefix("package="))
    if len(names) > 2 and list(names[:2]) == ["web", "packages"]:
        return PackageURL("cran", None, names[2])
    return None


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    name = purl.name
    try:
        url = f"{registries.cran}/web/packages/{registry.part(name)}/DESCRIPTION"
        about = _fields(registry.ask_text(client, url, registry.described(purl), SITE))
    except FetchError:
        # A package that was taken off CRAN keeps its versions in the archive.
        if not purl.version:
            raise
        about = {}
    version = purl.version or about["Version"]
    folder = "" if version == about.get("Version") else f"Archive/{registry.part(name)}/"
    file = registry.PackageFile(
        f"{registries.cran}/src/contrib/{folder}{registry.part(f'{name}_{version}.tar.gz')}", f"{name}_{version}.tar.gz"
    )
    stated = registry.license_text(about.get("License")) if not folder else None
    return registry.Resolved(registry.with_version(purl, version), (file,), stated)


def _fields(text: str) -> dict[str, str]:
    """Read a Debian control file, whose long values go on in lines that begin with a space."""
    joined = re.sub(r"\n[ \t]+", " ", text)
    return dict(line.split(": ", 1) for line in joined.splitlines() if ": " in line)
