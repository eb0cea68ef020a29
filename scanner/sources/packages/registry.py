"""What all package registries share."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from packageurl import PackageURL

from scanner.errors import FetchError, HttpAnswered
from scanner.fetch import Client, Digest
from scanner.registries import Registries


@dataclass(frozen=True)
class PackageFile:
    """One file that a registry offers."""

    url: str
    name: str
    digest: Digest | None = None


@dataclass(frozen=True)
class Resolved:
    """What a registry says that a purl means."""

    purl: PackageURL  #: with its version
    files: tuple[PackageFile, ...]
    declared_license: str | None = None
    notes: tuple[str, ...] = ()


class Registry(Protocol):
    """The interface of each module in this folder."""

    SITE: str  #: for people: "npm"

    def page(self, host: str, names: Sequence[str], fragment: str) -> PackageURL | None:
        """Return what a page or file of the registry is about, None if it is about no package."""

    def resolve(self, client: Client, purl: PackageURL, registries: Registries) -> Resolved:
        """Ask the registry. What it answers may have any shape: LookupError and TypeError are expected."""


def part(text: str | None) -> str:
    """Return a name as one part of a path."""
    return quote(text or "", safe="@!:")


def ask(client: Client, url: str, what: str, site: str) -> Any:
    """Return the JSON that a registry answers; a 404 becomes the sentence that it has no such thing."""
    return missing_is(what, site, lambda: client.json(url))


def ask_text(client: Client, url: str, what: str, site: str) -> str:
    return missing_is(what, site, lambda: client.read(url)).decode("utf-8", errors="replace")


def missing_is(what: str, site: str, get: Callable[[], Any]) -> Any:
    try:
        return get()
    except HttpAnswered as error:
        if error.status not in (404, 410):
            raise
        raise no_such(what, site) from error


def no_such(what: str, site: str) -> FetchError:
    return FetchError(f"{site} has no {what[:200]}.", advice="Check the spelling of the name and the version.")


def described(purl: PackageURL) -> str:
    """Return a purl for people: "package express", "version 4.21.2 of express"."""
    name = f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name
    return f"version {purl.version} of {name}" if purl.version else f"package {name}"


def with_version(purl: PackageURL, version: Any, **qualifiers: str | None) -> PackageURL:
    if not isinstance(version, str) or not version:
        raise TypeError("a version is a text")
    kept = {name: value for name, value in {**purl.qualifiers, **qualifiers}.items() if value}
    return purl._replace(version=version, qualifiers=kept)


def hex_digest(algorithm: str, value: Any) -> Digest | None:
    """Return the digest if it is one; what a registry does not state cannot be verified."""
    if not isinstance(value, str) or not value:
        return None
    return Digest(algorithm, value.strip().lower())


def base64_digest(algorithm: str, value: Any) -> Digest | None:
    try:
        return Digest(algorithm, base64.b64decode(value, validate=True).hex()) if value else None
    except (binascii.Error, TypeError, ValueError):
        return None


def license_text(stated: Any, join: str = " OR ") -> str | None:
    """Return what a registry states as licence in one line; lists are choices unless said otherwise."""
    if isinstance(stated, dict):
        stated = stated.get("type") or stated.get("name")
    if isinstance(stated, list):
        stated = join.join(text for item in stated if (text := license_text(item)))
    if not isinstance(stated, str):
        return None
    first = " ".join(stated.split())
    return first[:200] or None


def newest(versions: Sequence[Any], is_preview: Callable[[str], bool]) -> str:
    """Return the last version that is no preview, or the last. LookupError if there is none."""
    texts = [version for version in versions if isinstance(version, str)]
    return ([text for text in texts if not is_preview(text)] or texts)[-1]
