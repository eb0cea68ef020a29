"""SPDX 3.0.1 as JSON-LD, in the serialisation of the specification: one ``@graph`` of flat elements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, BinaryIO

from reports.reader import Report
from reports.values import Dependency, FileDetail, Package
from reports.words import one_line, xml_text
from reports.writers.spdx_licenses import SpdxLicenses
from reports.writers.streams import write_json
from reports.writers.subject import Subject, subject, valid_address, valid_purl

_CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_CREATION = "_:creation"
_MEDIA_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+-]+")
_NO_ASSERTION = "expandedlicensing_NoAssertionLicense"
_NONE = "expandedlicensing_NoneLicense"


def write_spdx3(report: Report, out: BinaryIO) -> None:
    """Write SPDX 3.0.1 JSON-LD."""
    write_json(out, {"@context": _CONTEXT, "@graph": _Graph(report).elements()})


class _Graph:
    """Makes the elements of a document, each when it is asked for."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._about: Subject = subject(report)
        self._licenses = SpdxLicenses(report)
        self._expressions: dict[str, int] = {}

    def _id(self, fragment: str) -> str:
        return f"https://spdx.org/spdxdocs/scanpost-{self._about.identity}#{fragment}"

    def _element(self, kind: str, fragment: str, /, **members: Any) -> dict[str, Any]:
        head = {"type": kind, "spdxId": self._id(fragment), "creationInfo": _CREATION}
        return head | {key: value for key, value in members.items() if value not in (None, "", [])}

    def _relation(self, fragment: str, kind: str, start: str, ends: Iterable[str]) -> dict[str, Any]:
        return self._element("Relationship", fragment, relationshipType=kind, to=list(ends)) | {"from": self._id(start)}

    def elements(self) -> Iterator[dict[str, Any]]:
        """Yield all elements; licences come last, when all expressions were seen that name them."""
        yield from self._head()
        yield self._root()
        for number, package in self._report.each_package():
            yield self._package(number, package)
            yield self._licensed(f"Package-{number}", "hasDeclaredLicense", package.declared_spdx)
        for number, dependency in self._report.each_needed():
            yield self._needed(number, dependency)
        for file in self._report.each_file():
            yield self._file(file)
            yield self._licensed(f"File-{file.row.id}", "hasDeclaredLicense", file.row.spdx, _NONE)
        declared = self._report.summary().declared
        yield self._licensed("Root", "hasDeclaredLicense", declared.spdx if declared else None)
        yield from self._contents()
        yield from self._needs()
        yield from self._license_elements()

    def _head(self) -> Iterator[dict[str, Any]]:
        scanner = self._about.scanner
        yield {
            "type": "CreationInfo",
            "@id": _CREATION,
            "specVersion": "3.0.1",
            "created": self._about.created,
            "createdBy": [self._id("Agent")],
            "createdUsing": [self._id("Tool")],
        }
        yield self._element("SoftwareAgent", "Agent", name="Scanpost")
        yield self._element("Tool", "Tool", name=scanner, comment=xml_text(self._report.header.notice))
        profiles = ["core", "software", "simpleLicensing"]
        yield self._element(
            "SpdxDocument",
            "Document",
            name=self._about.title,
            profileConformance=profiles,
            rootElement=[self._id("Bom")],
        )
        yield self._element(
            "software_Sbom",
            "Bom",
            profileConformance=profiles,
            rootElement=[self._id("Root")],
            software_sbomType=["analyzed"],
        )

    def _root(self) -> dict[str, Any]:
        about = self._about
        verified = [{"type": "Hash", "algorithm": "sha256", "hashValue": about.sha256}] if about.sha256 else None
        return self._element(
            "software_Package",
            "Root",
            name=about.title,
            software_packageVersion=about.version,
            software_downloadLocation=about.url,
            software_packageUrl=about.purl,
            software_copyrightText=xml_text(self._report.summary().holder),
            software_primaryPurpose="source",
            verifiedUsing=verified,
        )

    def _package(self, number: int, package: Package) -> dict[str, Any]:
        return self._element(
            "software_Package",
            f"Package-{number}",
            name=one_line(package.name) or "unnamed",
            description=xml_text(package.description),
            software_packageVersion=one_line(package.version),
            software_downloadLocation=valid_address(package.data.get("download_url")),
            software_homePage=valid_address(package.homepage),
            software_packageUrl=valid_purl(package.purl),
            software_copyrightText=xml_text(package.data.get("copyright") or ""),
            software_attributionText=[xml_text(package.statement)] if package.statement else None,
        )

    def _needed(self, number: int, dependency: Dependency) -> dict[str, Any]:
        return self._element(
            "software_Package",
            f"Dependency-{number}",
            name=one_line(dependency.name) or "unnamed",
            software_packageVersion=one_line(dependency.version),
            software_packageUrl=valid_purl(dependency.purl),
        )

    def _file(self, file: FileDetail) -> dict[str, Any]:
        data = file.data
        media_type = data.get("mime_type") or ""
        digests = ((name, data.get(name)) for name in ("md5", "sha1", "sha256"))
        return self._element(
            "software_File",
            f"File-{file.row.id}",
            name=one_line(file.row.path),
            contentType=media_type if _MEDIA_TYPE.fullmatch(media_type) else None,
            software_copyrightText=xml_text("\n".join(item.value for item in file.copyrights)),
            software_fileKind="file",
            verifiedUsing=[{"type": "Hash", "algorithm": name, "hashValue": value} for name, value in digests if value],
        )

    def _licensed(self, start: str, kind: str, spdx: str | None, nothing: str = _NO_ASSERTION) -> dict[str, Any]:
        expression = self._licenses.expression(spdx)
        if expression:
            number = self._expressions.setdefault(expression, len(self._expressions) + 1)
            nothing = self._id(f"Expression-{number}")
        return self._relation(f"License-of-{start}", kind, start, [nothing])

    def _contents(self) -> Iterator[dict[str, Any]]:
        packages = [self._id(f"Package-{number}") for number, _ in self._report.each_package()]
        files = [self._id(f"File-{number}") for number in self._report.file_numbers()]
        yield self._relation("Contents-of-Root", "contains", "Root", packages + files)
        for number, pairs in groupby(self._report.files_of_packages(), key=lambda pair: pair[0]):
            start = f"Package-{number}"
            yield self._relation(f"Contents-of-{start}", "contains", start, (self._id(f"File-{it}") for _, it in pairs))

    def _needs(self) -> Iterator[dict[str, Any]]:
        for number, needs in groupby(self._report.each_need(), key=lambda need: need[0]):
            start = f"Package-{number}" if number else "Root"
            ends = dict.fromkeys(self._id(f"Dependency-{needed}") for _, needed, _ in needs)
            yield self._relation(f"Needs-of-{start}", "dependsOn", start, ends)

    def _license_elements(self) -> Iterator[dict[str, Any]]:
        custom = {license.ref: license for license in self._licenses.custom()}
        for expression, number in self._expressions.items():
            refs = sorted(ref for ref in custom if ref in re.findall(r"[^\s()]+", expression))
            entries = [{"type": "DictionaryEntry", "key": ref, "value": self._id(ref)} for ref in refs]
            yield self._element(
                "simplelicensing_LicenseExpression",
                f"Expression-{number}",
                simplelicensing_licenseExpression=expression,
                simplelicensing_customIdToUri=entries,
            )
        for ref, license in custom.items():
            yield self._element(
                "simplelicensing_SimpleLicensingText",
                ref,
                name=one_line(license.name),
                simplelicensing_licenseText=xml_text(license.text),
            )
