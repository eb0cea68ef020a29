"""RubyGems, by its API (guides.rubygems.org/rubygems-org-api and -api-v2)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "RubyGems"

_FILE = re.compile(r"(.+?)-(\d[^-]*)(?:-(.+))?\.gem")


def page(_host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if len(names) < 2 or names[0] not in ("gems", "downloads"):
        return None
    file = _FILE.fullmatch(names[1])
    if file:
        return PackageURL("gem", None, file[1], file[2], {"platform": file[3]} if file[3] else None)
    version, _, platform = (names[3] if len(names) > 3 and names[2] == "versions" else "").partition("-")
    return PackageURL("gem", None, names[1], version or None, {"platform": platform} if platform else None)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    version, platform = purl.version, purl.qualifiers.get("platform")
    if not version:
        version = registry.ask(
            client, f"{registries.gem}/api/v1/gems/{registry.part(purl.name)}.json", registry.described(purl), SITE
        )["version"]
    url = f"{registries.gem}/api/v2/rubygems/{registry.part(purl.name)}/versions/{registry.part(version)}.json"
    about = registry.ask(
        client, url + (f"?platform={registry.part(platform)}" if platform else ""), registry.described(purl), SITE
    )
    # Documented as "version", and called "number" where all versions are listed.
    found = about.get("version") or about["number"]
    name = "-".join([purl.name, found, *([platform] if platform else [])]) + ".gem"
    file = registry.PackageFile(
        f"{registries.gem}/gems/{registry.part(name)}", name, registry.hex_digest("sha256", about.get("sha"))
    )
    return registry.Resolved(registry.with_version(purl, found), (file,), registry.license_text(about.get("licenses")))
