"""crates.io, by its web API (doc.rust-lang.org/cargo/reference/registry-web-api.html and crates.io/data-access)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin

from packageurl import PackageURL

from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "crates.io"


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    rest = list(names)
    if rest[:2] == ["api", "v1"]:
        rest = rest[2:]
    if host == "docs.rs":
        rest = rest[1:] if rest[:1] == ["crate"] else rest
        if not rest or rest[0] in ("about", "releases"):
            return None
    elif not rest or rest.pop(0) != "crates" or not rest:
        return None
    name, version = rest[0], rest[1] if len(rest) > 1 else None
    if version and version.endswith(".crate"):
        version = version.removeprefix(f"{name}-").removesuffix(".crate")
    return PackageURL("cargo", None, name, version if version and version[0].isdigit() else None)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    base = f"{registries.cargo}/api/v1/crates/{registry.part(purl.name)}"
    version = purl.version
    if not version:
        crate = registry.ask(client, base, registry.described(purl), SITE)["crate"]
        version = crate.get("max_stable_version") or crate.get("newest_version") or crate["max_version"]
    about = registry.ask(client, f"{base}/{registry.part(version)}", registry.described(purl), SITE)["version"]
    url = urljoin(f"{registries.cargo}/", about["dl_path"])
    file = registry.PackageFile(
        url, f"{purl.name}-{about['num']}.crate", registry.hex_digest("sha256", about.get("checksum"))
    )
    notes = ("This version was withdrawn by its authors.",) if about.get("yanked") else ()
    # Before SPDX expressions, crates wrote MIT/Apache-2.0 and meant a choice.
    stated = (registry.license_text(about.get("license")) or "").replace("/", " OR ") or None
    return registry.Resolved(registry.with_version(purl, about["num"]), (file,), stated, notes)
