"""conda-forge and other channels, by the API of Anaconda.org (api.anaconda.org/docs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "conda-forge"


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    rest = list(names)
    if host == "prefix.dev":
        if len(rest) < 4 or rest[0] != "channels" or rest[2] != "packages":
            return None
        rest = [rest[1], rest[3]]
    if len(rest) < 2:
        return None
    version = rest[2] if len(rest) > 2 and rest[2][:1].isdigit() else None
    return PackageURL("conda", None, rest[1], version, {"channel": rest[0]})


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    wanted = purl.qualifiers
    channel = wanted.get("channel") or "conda-forge"
    base = f"{registries.conda}/package/{registry.part(channel)}/{registry.part(purl.name)}"
    about = registry.ask(client, base, registry.described(purl), SITE)
    version = purl.version or about["latest_version"]
    files = [
        file
        for file in registry.ask(client, f"{base}/files", registry.described(purl), SITE)
        if file["version"] == version
        and file["attrs"].get("subdir") == (wanted.get("subdir") or file["attrs"].get("subdir"))
        and file["attrs"].get("build") == (wanted.get("build") or file["attrs"].get("build"))
    ]
    if not files:
        raise registry.no_such(registry.described(registry.with_version(purl, version)), SITE)
    file = max(files, key=_preference)
    name = file["basename"].rpartition("/")[2]
    url = urljoin(f"{registries.conda}/", file["download_url"])
    digest = registry.hex_digest("sha256", file.get("sha256")) or registry.hex_digest("md5", file.get("md5"))
    stated = registry.license_text(file["attrs"].get("license") or about.get("license"))
    found = registry.with_version(purl, version, channel=channel, subdir=file["attrs"].get("subdir"))
    return registry.Resolved(
        found, (registry.PackageFile(url, name, digest),), stated, (f"The build {name} was taken.",)
    )


def _preference(file: dict[str, Any]) -> tuple[bool, bool, int, bool, str]:
    """Order builds: for every machine, then for the usual one, then the newest build in the newest format."""
    subdir, name = file["attrs"].get("subdir"), file["basename"]
    number = int(file["attrs"].get("build_number") or 0)
    return subdir == "noarch", subdir == "linux-64", number, name.endswith(".conda"), name
