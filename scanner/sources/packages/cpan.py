"""CPAN, by the API of MetaCPAN (github.com/metacpan/metacpan-api, docs/API-docs.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from packageurl import PackageURL

from scanner.errors import HttpAnswered
from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "CPAN"

_RELEASE = re.compile(r"(.+?)-(v?\d[\d._]*(?:-TRIAL)?)")


def page(_host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if len(names) > 1 and names[0] in ("dist", "pod", "module"):
        return PackageURL("cpan", None, names[1].replace("::", "-"))
    if len(names) > 2 and names[0] == "release":
        match = _RELEASE.fullmatch(names[2])
        return PackageURL("cpan", names[1], match[1], match[2]) if match else None
    if len(names) > 1 and names[0] == "release":
        return PackageURL("cpan", None, names[1])
    return None


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    base = f"{registries.cpan}/v1/release"
    name = purl.name.replace("::", "-")
    if not purl.version:
        about = _newest(client, purl, registries)
    elif purl.namespace:
        release = f"{registry.part(purl.namespace.upper())}/{registry.part(f'{name}-{purl.version}')}"
        about = registry.ask(client, f"{base}/{release}", registry.described(purl), SITE)
        about = about.get("release", about)
    else:
        query = quote(f'distribution:"{name}" AND version:"{purl.version}"'.replace("\\", ""), safe="")
        hits = registry.ask(client, f"{base}/_search?q={query}&size=1", registry.described(purl), SITE)["hits"]["hits"]
        if not hits:
            raise registry.no_such(registry.described(purl), SITE)
        about = hits[0]["_source"]
    archive = about["download_url"].rpartition("/")[2]
    file = registry.PackageFile(
        about["download_url"], archive, registry.hex_digest("sha256", about.get("checksum_sha256"))
    )
    found = registry.with_version(purl, str(about["version"]))
    return registry.Resolved(found, (file,), registry.license_text(about.get("license"), " AND "))


def _newest(client: Client, purl: PackageURL, registries: Registries) -> Any:
    """Return the newest release of a distribution, or of the one that holds a module of this name."""
    try:
        return client.json(f"{registries.cpan}/v1/release/{registry.part(purl.name)}")
    except HttpAnswered as error:
        if error.status != 404:
            raise
    module = purl.name.replace("-", "::")
    return registry.ask(
        client, f"{registries.cpan}/v1/download_url/{registry.part(module)}", registry.described(purl), SITE
    )
