"""Licence expressions as SPDX documents take them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reports.reader import Report

_TERM = re.compile(r"(?P<license>[^\s()]+)(?:\s+WITH\s+(?P<exception>[^\s()]+))?")
_REF = "LicenseRef-"
_LISTED = re.compile(r"[A-Za-z0-9.+-]+")


@dataclass(frozen=True)
class CustomLicense:
    """A licence that is not on the SPDX list, for a document to define."""

    ref: str  #: "LicenseRef-…"
    name: str
    text: str
    url: str


class SpdxLicenses:
    """Writes a report's expressions for SPDX 2.3 and CycloneDX, and remembers which licences they have to define.

    ScanCode writes ``GPL-2.0-only WITH LicenseRef-scancode-x`` for exceptions that are not on the SPDX list, and an
    exception on its own where it found no licence beside it. The grammar (SPDX 2.3, annex D) has neither, so both
    become a LicenseRef, which the document defines with the exception's text.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._by_id = report.spdx_ids()
        self._used: dict[str, tuple[str, str]] = {}

    def expression(self, spdx: str | None) -> str:
        """Return an SPDX expression for one that ScanCode wrote, "" for none."""
        return _TERM.sub(self._term, spdx or "")

    def ids(self, spdx: str | None) -> list[str]:
        """Return the licences that an expression names, each once, without exceptions."""
        found = dict.fromkeys(match["license"] for match in _TERM.finditer(self.expression(spdx)))
        return [name for name in found if name not in ("AND", "OR")]

    def _term(self, match: re.Match[str]) -> str:
        license, exception = match["license"], match["exception"] or ""
        if license in ("AND", "OR"):
            return match.group()
        lone_exception = self._is_exception(license)
        if exception.startswith(_REF) or (exception and lone_exception):
            return self._define(f"{license}-WITH-{exception.removeprefix(_REF)}", license, exception)
        if lone_exception:
            # Readers that know the exception's id refuse it where a licence has to stand.
            return self._define(f"{license}-alone", license, "")
        if license.startswith(_REF) or not _LISTED.fullmatch(license):
            defined = self._define(license, license, "")
            return f"{defined} WITH {exception}" if exception else defined
        return match.group()

    def _is_exception(self, spdx: str) -> bool:
        known = self._by_id.get(spdx)
        return bool(known and known.is_exception)

    def _define(self, name: str, license: str, exception: str) -> str:
        ref = _REF + re.sub("[^A-Za-z0-9.-]+", "-", name.removeprefix(_REF))
        self._used[ref] = (license, exception)
        return ref

    def custom(self) -> Iterator[CustomLicense]:
        """Yield the licences that the expressions returned so far need to be defined, by name."""
        for ref, (license, exception) in sorted(self._used.items()):
            known = self._by_id.get(exception or license)
            found = self._report.license(known.key) if known else None
            name = found.license.name if found else license
            url = (found.database_url or found.spdx_url or found.homepage) if found else ""
            text = (found.text if found else "") or f"{name} {url}".strip()
            if exception:
                name = f"{license} with {name}"
                text = f"{license} with this exception:\n\n{text}"
            yield CustomLicense(ref, name, text, url)
