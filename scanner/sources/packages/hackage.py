"""Hackage, by its package pages in JSON (hackage.haskell.org/api).

No digest is checked: Hackage states them in its whole index only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "Hackage"

_NAMED = re.compile(r"(.+?)(?:-(\d+(?:\.\d+)*))?")


def page(_host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if len(names) < 2 or names[0] != "package":
        return None
    match = _NAMED.fullmatch(names[1])
    return PackageURL("hackage", None, match[1], match[2]) if match else None


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    base = f"{registries.hackage}/package"
    version = purl.version
    if not version:
        version = registry.ask(client, f"{base}/{registry.part(purl.name)}/preferred", registry.described(purl), SITE)[
            "normal-version"
        ][0]
    found = registry.with_version(purl, version)
    name = f"{purl.name}-{version}"
    cabal = registry.ask_text(
        client, f"{base}/{registry.part(name)}/{registry.part(purl.name)}.cabal", registry.described(found), SITE
    )
    stated = re.search(r"^license:[ \t]*(\S[^\r\n]*)", cabal, re.IGNORECASE | re.MULTILINE)
    file = registry.PackageFile(f"{base}/{registry.part(name)}/{registry.part(name)}.tar.gz", f"{name}.tar.gz")
    return registry.Resolved(found, (file,), registry.license_text(stated[1]) if stated else None)
