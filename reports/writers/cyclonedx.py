"""CycloneDX 1.6, as JSON and as XML.

Both are made from the same objects: the members of the JSON form. A file is a component of its own, with the licences
and copyrights that were found in it as evidence, and the lines in its properties.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, BinaryIO

from reports.reader import Report
from reports.values import Dependency, FileDetail, Match, Package
from reports.words import one_line, xml_text
from reports.writers.cyclonedx_xml import write_document
from reports.writers.spdx_licenses import SpdxLicenses
from reports.writers.streams import write_json
from reports.writers.subject import Subject, subject, valid_address, valid_purl

ROOT = "root"
#: Characters of a version; the schema calls longer ones invalid.
_LONGEST_VERSION = 1024


def write_cdx_json(report: Report, out: BinaryIO) -> None:
    """Write CycloneDX 1.6 JSON."""
    write_json(out, _document(report))


def write_cdx_xml(report: Report, out: BinaryIO) -> None:
    """Write CycloneDX 1.6 XML."""
    write_document(_document(report), out)


def _document(report: Report) -> dict[str, Any]:
    about, licenses = subject(report), SpdxLicenses(report)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{about.identity}",
        "version": 1,
        "metadata": _metadata(report, about, licenses),
        "components": _components(report, licenses),
        "dependencies": _dependencies(report),
    }


def _metadata(report: Report, about: Subject, licenses: SpdxLicenses) -> dict[str, Any]:
    header, summary = report.header, report.summary()
    tool = {"type": "application", "name": header.tool or "scancode-toolkit", "version": _version(header.version)}
    root: dict[str, Any] = {"type": "application", "bom-ref": ROOT, "name": about.title}
    if about.version:
        root["version"] = _version(about.version)
    if about.sha256:
        root["hashes"] = [{"alg": "SHA-256", "content": about.sha256}]
    if summary.declared:
        root["licenses"] = _expression(licenses.expression(summary.declared.spdx), "declared")
    if summary.holder:
        root["copyright"] = xml_text(summary.holder)
    if about.purl:
        root["purl"] = about.purl
    if about.url:
        root["externalReferences"] = [{"type": "distribution", "url": about.url}]
    return {"timestamp": about.created, "tools": {"components": [tool]}, "component": root}


def _version(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST_VERSION else line[: _LONGEST_VERSION - 1] + "…"


def _expression(expression: str, acknowledgement: str = "") -> list[dict[str, str]]:
    found = {"expression": expression}
    return [found | {"acknowledgement": acknowledgement}] if acknowledgement else [found]


def _components(report: Report, licenses: SpdxLicenses) -> Iterator[dict[str, Any]]:
    for number, package in report.each_package():
        yield _package(number, package, licenses)
    for number, dependency in report.each_needed():
        yield _needed(number, dependency)
    for file in report.each_file():
        yield _file(file, licenses)


def _package(number: int, package: Package, licenses: SpdxLicenses) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "library", "bom-ref": f"package-{number}"}
    found["name"] = one_line(package.name) or "unnamed"
    if package.version:
        found["version"] = _version(package.version)
    if package.description:
        found["description"] = xml_text(package.description)
    if package.declared_spdx:
        found["licenses"] = _expression(licenses.expression(package.declared_spdx), "declared")
    if package.data.get("copyright"):
        found["copyright"] = xml_text(package.data["copyright"])
    if valid_purl(package.purl):
        found["purl"] = package.purl
    addresses = (("website", package.homepage), ("distribution", package.data.get("download_url")))
    references = [{"type": kind, "url": url} for kind, url in addresses if valid_address(url)]
    if references:
        found["externalReferences"] = references
    evidence: dict[str, Any] = {}
    if package.datafiles:
        evidence["occurrences"] = [{"location": one_line(path)} for path in package.datafiles]
    detected = list(dict.fromkeys(licenses.expression(share.value) for share in package.detected if share.value))
    if detected:
        evidence["licenses"] = _expression(_together(detected))
    if evidence:
        found["evidence"] = evidence
    return found


def _together(expressions: list[str]) -> str:
    """Join expressions that all apply."""
    if len(expressions) == 1:
        return expressions[0]
    return " AND ".join(f"({one})" if " " in one else one for one in expressions)


def _needed(number: int, dependency: Dependency) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "library", "bom-ref": f"dependency-{number}"}
    found["name"] = one_line(dependency.name) or "unnamed"
    if dependency.version:
        found["version"] = _version(dependency.version)
    found["scope"] = "required" if dependency.is_runtime and not dependency.is_optional else "optional"
    if valid_purl(dependency.purl):
        found["purl"] = dependency.purl
    if dependency.requirement:
        found["properties"] = [{"name": "scancode:requirement", "value": one_line(dependency.requirement)}]
    return found


def _file(file: FileDetail, licenses: SpdxLicenses) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "file", "bom-ref": f"file-{file.row.id}", "name": one_line(file.row.path)}
    digests = (("MD5", "md5"), ("SHA-1", "sha1"), ("SHA-256", "sha256"))
    hashes = [{"alg": alg, "content": file.data[name]} for alg, name in digests if file.data.get(name)]
    if hashes:
        found["hashes"] = hashes
    properties = [_match(match) for detection in file.detections for match in detection.matches]
    if properties:
        found["properties"] = properties
    evidence: dict[str, Any] = {}
    if file.row.spdx:
        evidence["licenses"] = _expression(licenses.expression(file.row.spdx))
    copyrights = dict.fromkeys(xml_text(item.value) for item in file.copyrights)
    if copyrights:
        evidence["copyright"] = [{"text": text} for text in copyrights]
    if evidence:
        found["evidence"] = evidence
    return found


def _match(match: Match) -> dict[str, str]:
    value = f"{match.spdx}, lines {match.start_line} to {match.end_line}, score {match.score:g}, rule {match.rule}"
    return {"name": "scancode:license-match", "value": one_line(value)}


def _dependencies(report: Report) -> Iterator[dict[str, Any]]:
    """Say what needs what; the root needs its packages and whatever no package claims."""
    direct = [f"package-{number}" for number, _ in report.each_package()]
    for package, needs in groupby(report.each_need(), key=lambda need: need[0]):
        refs = list(dict.fromkeys(f"dependency-{needed}" for _, needed, _ in needs))
        if package is None:
            direct += refs
        else:
            yield {"ref": f"package-{package}", "dependsOn": refs}
    yield {"ref": ROOT, "dependsOn": direct}
