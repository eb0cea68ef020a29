"""SPDX 2.3 as tag-value: a tag, a colon and a value on each line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from reports.reader import Report
from reports.writers.spdx2 import DOCUMENT, NOTHING, ROOT, document
from reports.writers.streams import as_text

#: The tags of SPDX 2.3 and the two words that stand for no value, as the lexer of the SPDX project's tools knows them.
_TAGS = """
SPDXVersion DataLicense DocumentName SPDXID DocumentComment DocumentNamespace ExternalDocumentRef Creator
Created CreatorComment LicenseListVersion Annotator AnnotationDate AnnotationComment AnnotationType SPDXREF
Relationship RelationshipComment PackageName PackageVersion PackageDownloadLocation FilesAnalyzed PackageSummary
PackageSourceInfo PackageFileName PackageSupplier PackageOriginator PackageChecksum PackageVerificationCode
PackageDescription PackageComment PackageLicenseDeclared PackageLicenseConcluded PackageLicenseInfoFromFiles
PackageLicenseComments PackageCopyrightText PackageHomePage ExternalRef ExternalRefComment
PackageAttributionText PrimaryPackagePurpose BuiltDate ReleaseDate ValidUntilDate FileName FileType FileChecksum
LicenseConcluded LicenseInfoInFile FileCopyrightText LicenseComments FileComment FileNotice FileContributor
FileAttributionText LicenseID ExtractedText LicenseName LicenseCrossReference LicenseComment SnippetSPDXID
SnippetName SnippetComment SnippetCopyrightText SnippetLicenseComments SnippetFromFileSPDXID
SnippetLicenseConcluded LicenseInfoInSnippet SnippetAttributionText SnippetByteRange SnippetLineRange
NOASSERTION NONE
"""
TAGS = frozenset(_TAGS.split())
#: What that lexer takes, at the start of a value, for something other than a line of text.
_SYNTAX = re.compile(
    r"<text>|(?:Tool|Organization|Person|ADLER32|BLAKE2b-\d+|BLAKE3|MD[2456]|SHA(?:3-)?\d+):"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
)


def write_spdx(report: Report, out: BinaryIO) -> None:
    """Write SPDX 2.3 tag-value."""
    about = document(report)
    info = about["creationInfo"]
    with as_text(out) as text:

        def put(tag: str, value: object) -> None:
            if value:
                text.write(f"{tag}: {value}\n")

        put("SPDXVersion", about["spdxVersion"])
        put("DataLicense", about["dataLicense"])
        put("SPDXID", DOCUMENT)
        put("DocumentName", _line(about["name"]))
        put("DocumentNamespace", about["documentNamespace"])
        put("LicenseListVersion", info.get("licenseListVersion"))
        for creator in info["creators"]:
            put("Creator", creator)
        put("Created", info["created"])
        put("CreatorComment", _long(info["comment"]))
        # A file belongs to the package above it, so the root comes first, then all files, then the other packages.
        root = itertools.islice(about["packages"], 1)
        tags = (map(_package_tags, root), map(_file_tags, about["files"]), map(_package_tags, about["packages"]))
        for element in itertools.chain(*tags):
            text.write("\n")
            for tag, value in element:
                put(tag, value)
        text.write("\n")
        for relation in about["relationships"]:
            if relation["spdxElementId"] == ROOT and relation["relatedSpdxElement"].startswith("SPDXRef-File-"):
                continue  # Said by the order already.
            both = f"{relation['spdxElementId']} {relation['relationshipType']} {relation['relatedSpdxElement']}"
            put("Relationship", both)
        for license in about["hasExtractedLicensingInfos"]:
            text.write("\n")
            put("LicenseID", license["licenseId"])
            put("ExtractedText", _long(license["extractedText"]))
            put("LicenseName", _line(license["name"]))
            for address in license.get("seeAlsos", ()):
                put("LicenseCrossReference", address)


def _line(value: str | None) -> str | None:
    """Quote a name that reads as syntax: there is no escape for it, and readers take the marks for part of the name."""
    syntax = value and (value.strip() in TAGS or _SYNTAX.match(value.strip()))
    return f'"{value}"' if syntax else value


def _long(value: str | None) -> str:
    """Wrap a text of several lines; the end mark has no escape, so one inside the text is broken up."""
    return "<text>" + value.replace("</text>", "</ text>") + "</text>" if value else ""


def _package_tags(package: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield "PackageName", _line(package["name"])
    yield "SPDXID", package["SPDXID"]
    yield "PackageVersion", _line(package.get("versionInfo"))
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
    return text if text in (None, "NONE", NOTHING) else _long(text)
