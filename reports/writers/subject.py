"""What a document says of the scan it was made from."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass

from packageurl import PackageURL

from reports.reader import Report
from reports.words import one_line

_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):?(\d\d):?(\d\d)")
#: The characters of a URI behind its host (RFC 3986), a fragment among them.
_REST = r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?"
_ADDRESS = re.compile(rf"https?://[A-Za-z0-9.-]+(:\d+)?(/{_REST})?")
_PURL = re.compile(rf"pkg:[A-Za-z0-9.+-]+/{_REST}")


@dataclass(frozen=True)
class Subject:
    """The thing that was scanned, with texts on one line each and "" for what is not known."""

    title: str
    version: str
    purl: str
    url: str
    sha256: str
    created: str  #: when the scan ended, "2026-11-22T12:31:07Z"
    scanner: str  #: "scancode-toolkit-32.5.0"
    identity: uuid.UUID  #: the same whenever a document is made from this report


def subject(report: Report) -> Subject:
    """Describe what a report is about, from what ``build`` was given, else from the name of the root."""
    about, header = report.about, report.header
    source = about.get("source") or {}
    found = _STAMP.match(header.ended)
    digest = str(source.get("sha256") or "")
    identity = json.dumps([about, header.started, header.ended], sort_keys=True, default=str)
    return Subject(
        title=one_line(str(about.get("title") or source.get("title") or report.root or "scan")),
        version=one_line(str(source.get("version") or "")),
        purl=valid_purl(source.get("purl")),
        url=valid_address(source.get("url")),
        sha256=digest if re.fullmatch("[0-9a-f]{64}", digest) else "",
        created=f"{found[1]}T{found[2]}:{found[3]}:{found[4]}Z" if found else "1970-01-01T00:00:00Z",
        scanner=f"{header.tool or 'scancode-toolkit'}-{header.version}",
        identity=uuid.uuid5(uuid.NAMESPACE_URL, identity),
    )


def valid_address(text: object) -> str:
    """Return an http address if it can stand in any document, else ""."""
    return text if isinstance(text, str) and _ADDRESS.fullmatch(text) else ""


def valid_purl(text: object) -> str:
    """Return a purl if it can stand in any document, else ""."""
    if not isinstance(text, str) or not _PURL.fullmatch(text):
        return ""
    try:
        PackageURL.from_string(text)
    except ValueError:
        return ""
    return text
