"""Packagist, by its Composer repository (packagist.org/apidoc, the p2 metadata)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "Packagist"

_PREVIEW = re.compile(r"dev|alpha|beta|RC|-[ab]\d", re.IGNORECASE)


def page(_host: str, names: Sequence[str], fragment: str) -> PackageURL | None:
    if len(names) < 3 or names[0] != "packages":
        return None
    return PackageURL("composer", names[1], names[2].removesuffix(".json"), fragment or None)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    name = f"{purl.namespace}/{purl.name}"
    url = f"{registries.composer}/p2/{registry.part(purl.namespace)}/{registry.part(purl.name)}.json"
    versions = list(_expanded(registry.ask(client, url, registry.described(purl), SITE)["packages"][name]))
    wanted = (purl.version or "").removeprefix("v")
    if wanted:
        fitting = [about for about in versions if about["version"].removeprefix("v") == wanted]
    else:
        # The newest comes first.
        fitting = [about for about in versions if not _PREVIEW.search(about["version"])] or versions
    if not fitting:
        raise registry.no_such(registry.described(purl), SITE)
    about = fitting[0]
    version, dist = about["version"], about["dist"]
    file_name = f"{purl.name}-{version.removeprefix('v')}.{dist.get('type', 'zip')}"
    file = registry.PackageFile(dist["url"], file_name, registry.hex_digest("sha1", dist.get("shasum")))
    return registry.Resolved(registry.with_version(purl, version), (file,), registry.license_text(about.get("license")))


def _expanded(versions: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Undo the minifying: each version states only what differs from the one before it."""
    about: dict[str, Any] = {}
    for difference in versions:
        about = {name: value for name, value in {**about, **difference}.items() if value != "__unset"}
        yield about
