"""SPDX 2.3, as tag-value and as JSON.

Both are made from the same objects: the members of the JSON form. Section numbers are those of the specification.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO

from reports.reader import Report
from reports.values import Dependency, Package
from reports.words import one_line, xml_text
from reports.writers.spdx_licenses import SpdxLicenses
from reports.writers.streams import as_text, write_json
from reports.writers.subject import Subject, subject, valid_address, valid_purl

DOCUMENT, ROOT = "SPDXRef-DOCUMENT", "SPDXRef-Root"
_NOTHING = "NOASSERTION"
#: SHA-1 of no bytes: ScanCode leaves the digests of empty files out, SPDX wants one of each file (8.4).
_EMPTY_SHA1 = hashlib.sha1(b"", usedforsecurity=False).hexdigest()
_UNKNOWN_SHA1 = "0" * 40


def write_spdx_json(report: Report, out: BinaryIO) -> None:
    """Write SPDX 2.3 JSON."""
    write_json(out, _document(report))


def _document(report: Report) -> dict[str, Any]:
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
        "downloadLocation": about.url or _NOTHING,
        "licenseConcluded": _NOTHING,
        "licenseDeclared": licenses.expression(summary.declared.spdx if summary.declared else None) or _NOTHING,
        "copyrightText": xml_text(summary.holder) or _NOTHING,
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
        "downloadLocation": valid_address(data.get("download_url")) or _NOTHING,
        "licenseConcluded": _NOTHING,
        "licenseDeclared": licenses.expression(package.declared_spdx) or _NOTHING,
        "copyrightText": xml_text(data.get("copyright") or "") or _NOTHING,
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
        "downloadLocation": _NOTHING,
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
            "licenseConcluded": _NOTHING,
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


# Tag-value.


def write_spdx(report: Report, out: BinaryIO) -> None:
    """Write SPDX 2.3 tag-value."""
    document = _document(report)
    info = document["creationInfo"]
    with as_text(out) as text:

        def put(tag: str, value: object) -> None:
            if value:
                text.write(f"{tag}: {value}\n")

        put("SPDXVersion", document["spdxVersion"])
        put("DataLicense", document["dataLicense"])
        put("SPDXID", DOCUMENT)
        put("DocumentName", document["name"])
        put("DocumentNamespace", document["documentNamespace"])
        put("LicenseListVersion", info.get("licenseListVersion"))
        for creator in info["creators"]:
            put("Creator", creator)
        put("Created", info["created"])
        put("CreatorComment", _long(info["comment"]))
        # A file belongs to the package above it, so the root comes first, then all files, then the other packages.
        root = itertools.islice(document["packages"], 1)
        tags = (map(_package_tags, root), map(_file_tags, document["files"]), map(_package_tags, document["packages"]))
        for element in itertools.chain(*tags):
            text.write("\n")
            for tag, value in element:
                put(tag, value)
        text.write("\n")
        for relation in document["relationships"]:
            if relation["spdxElementId"] == ROOT and relation["relatedSpdxElement"].startswith("SPDXRef-File-"):
                continue  # Said by the order already.
            both = f"{relation['spdxElementId']} {relation['relationshipType']} {relation['relatedSpdxElement']}"
            put("Relationship", both)
        for license in document["hasExtractedLicensingInfos"]:
            text.write("\n")
            put("LicenseID", license["licenseId"])
            put("ExtractedText", _long(license["extractedText"]))
            put("LicenseName", license["name"])
            for address in license.get("seeAlsos", ()):
                put("LicenseCrossReference", address)


def _long(value: str | None) -> str:
    """Wrap a text of several lines; the end mark has no escape, so one inside the text is broken up."""
    return "<text>" + value.replace("</text>", "</ text>") + "</text>" if value else ""


def _package_tags(package: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "PackageName", package["name"]
    yield "SPDXID", package["SPDXID"]
    yield "PackageVersion", package.get("versionInfo")
    yield "PackageDownloadLocation", package["downloadLocation"]
    yield "FilesAnalyzed", "true" if package["filesAnalyzed"] else "false"
    yield "PackageVerificationCode", package.get("packageVerificationCode", {}).get("packageVerificationCodeValue")
    for checksum in package.get("checksums", ()):
        yield "PackageChecksum", f"{checksum['algorithm']}: {checksum['checksumValue']}"
    yield "PackageHomePage", package.get("homepage")
    yield "PackageLicenseConcluded", package.get("licenseConcluded")
    for license in package.get("licenseInfoFromFiles", ()):
        yield "PackageLicenseInfoFromFiles", license
    yield "PackageLicenseDeclared", package.get("licenseDeclared")
    yield "PackageLicenseComments", _long(package.get("licenseComments"))
    yield "PackageCopyrightText", _copyright(package.get("copyrightText"))
    yield "PackageDescription", _long(package.get("description"))
    for reference in package.get("externalRefs", ()):
        yield "ExternalRef", f"PACKAGE-MANAGER purl {reference['referenceLocator']}"
    yield "PrimaryPackagePurpose", package.get("primaryPackagePurpose")


def _file_tags(file: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "FileName", file["fileName"]
    yield "SPDXID", file["SPDXID"]
    for kind in file["fileTypes"]:
        yield "FileType", kind
    for checksum in file["checksums"]:
        yield "FileChecksum", f"{checksum['algorithm']}: {checksum['checksumValue']}"
    yield "LicenseConcluded", file["licenseConcluded"]
    for license in file["licenseInfoInFiles"]:
        yield "LicenseInfoInFile", license
    yield "LicenseComments", _long(file.get("licenseComments"))
    yield "FileCopyrightText", _copyright(file["copyrightText"])
    yield "FileComment", _long(file.get("comment"))


def _copyright(text: str | None) -> str | None:
    return text if text in (None, "NONE", _NOTHING) else _long(text)
