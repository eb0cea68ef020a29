"""SPDX 2.3: the members of its JSON form, which ``tag_value`` writes, too. Sections are those of the specification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from reports.reader import Report
from reports.values import Dependency, Package
from reports.words import one_line, xml_text
from reports.writers.spdx_licenses import SpdxLicenses
from reports.writers.streams import write_json
from reports.writers.subject import Subject, subject, valid_address, valid_purl

DOCUMENT, ROOT, NOTHING = "SPDXRef-DOCUMENT", "SPDXRef-Root", "NOASSERTION"
#: SHA-1 of no bytes: ScanCode leaves the digests of empty files out, SPDX wants one of each file (8.4).
_EMPTY_SHA1 = hashlib.sha1(b"", usedforsecurity=False).hexdigest()
_UNKNOWN_SHA1 = "0" * 40


def write_spdx_json(report: Report, out: BinaryIO) -> None:
    """Write SPDX 2.3 JSON."""
    write_json(out, document(report))


def document(report: Report) -> dict[str, Any]:
    """Return the document, its lists as iterators: each to be read once, and in this order."""
    about, licenses = subject(report), SpdxLicenses(report)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": about.title,
        "documentNamespace": f"https://spdx.org/spdxdocs/scanpost-{about.identity}",
        "creationInfo": _creation(report, about),
        "packages": _packages(report, about, licenses),
        "files": _files(report, licenses),
        "relationships": _relationships(report),
        # Last, when all expressions were seen that need one.
        "hasExtractedLicensingInfos": _extracted(licenses),
    }


def _creation(report: Report, about: Subject) -> dict[str, Any]:
    info: dict[str, Any] = {
        "created": about.created,
        "creators": [f"Tool: {about.scanner}"],
        "comment": xml_text(report.header.notice) or "Made from a scan by ScanCode.",
    }
    version = report.header.spdx_license_list.split(".")
    if len(version) > 1 and all(part.isdigit() for part in version[:2]):
        info["licenseListVersion"] = ".".join(version[:2])
    return info


def _packages(report: Report, about: Subject, licenses: SpdxLicenses) -> Iterator[dict[str, Any]]:
    yield _root(report, about, licenses)
    for number, package in report.each_package():
        analyzed = _analyzed(report, package.uid, licenses) if package.files else {"filesAnalyzed": False}
        yield _package(number, package, licenses) | analyzed
    for number, dependency in report.each_needed():
        yield _needed(number, dependency)


def _root(report: Report, about: Subject, licenses: SpdxLicenses) -> dict[str, Any]:
    """Describe the scanned code as a package (7)."""
    summary = report.summary()
    package: dict[str, Any] = {
        "SPDXID": ROOT,
        "name": about.title,
        "downloadLocation": about.url or NOTHING,
        "licenseConcluded": NOTHING,
        "licenseDeclared": licenses.expression(summary.declared.spdx if summary.declared else None) or NOTHING,
        "copyrightText": xml_text(summary.holder) or NOTHING,
        "primaryPackagePurpose": "SOURCE",
    }
    if about.version:
        package["versionInfo"] = about.version
    if about.sha256:
        package["checksums"] = [{"algorithm": "SHA256", "checksumValue": about.sha256}]
    return package | _analyzed(report, "", licenses) | _purl(about.purl)


def _analyzed(report: Report, package: str, licenses: SpdxLicenses) -> dict[str, Any]:
    """Sum up the files of a package (or of all): verification code is the SHA-1 of their SHA-1, sorted (7.9)."""
    digests = sorted(_sha1(*found) for found in report.digests(package))
    code = hashlib.sha1("".join(digests).encode(), usedforsecurity=False).hexdigest()
    ids = sorted({name for spdx, _ in report.expressions(package) for name in licenses.ids(spdx)})
    return {
        "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": code},
        "licenseInfoFromFiles": ids or ["NONE"],
    }


def _sha1(digest: str | None, size: int) -> str:
    return digest or (_UNKNOWN_SHA1 if size else _EMPTY_SHA1)


def _purl(purl: str) -> dict[str, Any]:
    if not purl:
        return {}
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
    return {"externalRefs": [reference]}


def _package(number: int, package: Package, licenses: SpdxLicenses) -> dict[str, Any]:
    data = package.data
    found: dict[str, Any] = {
        "SPDXID": f"SPDXRef-Package-{number}",
        "name": one_line(package.name) or "unnamed",
        "downloadLocation": valid_address(data.get("download_url")) or NOTHING,
        "licenseConcluded": NOTHING,
        "licenseDeclared": licenses.expression(package.declared_spdx) or NOTHING,
        "copyrightText": xml_text(data.get("copyright") or "") or NOTHING,
    }
    if package.version:
        found["versionInfo"] = one_line(package.version)
    if valid_address(package.homepage):
        found["homepage"] = package.homepage
    if package.description:
        found["description"] = xml_text(package.description)
    if package.statement:
        found["licenseComments"] = "The manifest states: " + xml_text(package.statement)
    return found | _purl(valid_purl(package.purl))


def _needed(number: int, dependency: Dependency) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SPDXID": f"SPDXRef-Dependency-{number}",
        "name": one_line(dependency.name) or "unnamed",
        "downloadLocation": NOTHING,
        "filesAnalyzed": False,
    }
    if dependency.version:
        found["versionInfo"] = one_line(dependency.version)
    return found | _purl(valid_purl(dependency.purl))


def _files(report: Report, licenses: SpdxLicenses) -> Iterator[dict[str, Any]]:
    for file in report.each_file():
        sha1 = _sha1(file.data.get("sha1"), file.row.size)
        found: dict[str, Any] = {
            "SPDXID": f"SPDXRef-File-{file.row.id}",
            "fileName": "./" + one_line(file.row.path),
            "fileTypes": [_file_type(file.data)],
            "checksums": [{"algorithm": "SHA1", "checksumValue": sha1}],
            "licenseConcluded": NOTHING,
            "licenseInfoInFiles": licenses.ids(file.row.spdx) or ["NONE"],
            "copyrightText": xml_text("\n".join(item.value for item in file.copyrights)) or "NONE",
        }
        for algorithm in ("sha256", "md5"):
            if file.data.get(algorithm):
                checksum = {"algorithm": algorithm.upper(), "checksumValue": file.data[algorithm]}
                found["checksums"].append(checksum)
        if file.row.spdx:
            found["licenseComments"] = f"Detected: {licenses.expression(file.row.spdx)}"
        if sha1 == _UNKNOWN_SHA1:
            found["comment"] = "The scanner could not compute a digest of this file; the checksum is a placeholder."
        yield found


def _file_type(data: dict[str, Any]) -> str:
    """Return the file's type as SPDX names it (8.3)."""
    kind = (data.get("mime_type") or "").partition("/")[0]
    if kind in ("audio", "image", "video"):
        return kind.upper()
    for name, is_it in (
        ("SOURCE", "is_source"),
        ("ARCHIVE", "is_archive"),
        ("BINARY", "is_binary"),
        ("TEXT", "is_text"),
    ):
        if data.get(is_it):
            return name
    return "OTHER"


def _relationships(report: Report) -> Iterator[dict[str, str]]:
    def relation(one: str, kind: str, other: str) -> dict[str, str]:
        return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}

    yield relation(DOCUMENT, "DESCRIBES", ROOT)
    for number in report.file_numbers():
        yield relation(ROOT, "CONTAINS", f"SPDXRef-File-{number}")
    for number, _ in report.each_package():
        yield relation(ROOT, "CONTAINS", f"SPDXRef-Package-{number}")
    for package, file in report.files_of_packages():
        yield relation(f"SPDXRef-Package-{package}", "CONTAINS", f"SPDXRef-File-{file}")
    seen: set[tuple[str, str, int]] = set()
    for owned_by, needed, dependency in report.each_need():
        owner = f"SPDXRef-Package-{owned_by}" if owned_by else ROOT
        kind = "OPTIONAL_DEPENDENCY_OF" if dependency.is_optional else "DEPENDENCY_OF"
        if not dependency.is_runtime:
            kind = "DEV_DEPENDENCY_OF"
        if (owner, kind, needed) not in seen:
            seen.add((owner, kind, needed))
            yield relation(f"SPDXRef-Dependency-{needed}", kind, owner)


def _extracted(licenses: SpdxLicenses) -> Iterator[dict[str, Any]]:
    for custom in licenses.custom():
        found: dict[str, Any] = {
            "licenseId": custom.ref,
            "name": one_line(custom.name),
            "extractedText": xml_text(custom.text),
        }
        if valid_address(custom.url):
            found["seeAlsos"] = [custom.url]
        yield found
