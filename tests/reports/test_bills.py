"""The bills of materials, checked by the tools and schemas of those who define them: SPDX and CycloneDX."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spdx_python_model
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from spdx_tools.spdx.model import Document, RelationshipType
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.parser.tagvalue.lexer import SPDXLexer
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from reports.store import Report
from reports.writers.spdx_licenses import SpdxLicenses
from reports.writers.tag_value import TAGS
from tests.reports import scans
from tests.reports.readers import tag_values
from tests.reports.scans import file, folder, written

ReportOf = Callable[..., Report]


# SPDX.


def spdx_json(text: bytes, folder: Path) -> Document:
    path = folder / "report.spdx.json"
    path.write_bytes(text)
    return parse_file(str(path))


def spdx_of(report: Report, name: str, folder: Path) -> Document:
    document = tag_values(written(report, name)) if name == "spdx" else spdx_json(written(report, name), folder)
    assert [message.validation_message for message in validate_full_spdx_document(document)] == []
    return document


@pytest.mark.parametrize("name", ["spdx", "spdx.json"])
def test_spdx_2_is_valid_and_has_the_same_numbers(report: Report, name: str, tmp_path: Path) -> None:
    document = spdx_of(report, name, tmp_path)
    needed = {need.purl for need in report.dependencies(per_page=500).items}

    assert len(document.files) == report.counts.files
    assert len(document.packages) == 1 + report.counts.packages + len(needed)
    assert sum(str(file.license_info_in_file[0]) == "NONE" for file in document.files) == report.counts.unlicensed
    contained = [
        it
        for it in document.relationships
        if it.relationship_type == RelationshipType.CONTAINS and it.spdx_element_id == "SPDXRef-Root"
    ]
    assert len(contained) == report.counts.files + report.counts.packages


def test_both_forms_of_spdx_2_say_the_same(report: Report, tmp_path: Path) -> None:
    one, other = (spdx_of(report, name, tmp_path) for name in ("spdx", "spdx.json"))

    # The reader of tag-value drops spaces at the end of a line.
    assert [file.name for file in one.files] == [file.name.rstrip() for file in other.files]
    licenses = [[[str(name) for name in it.license_info_in_file] for it in both.files] for both in (one, other)]
    assert licenses[0] == licenses[1]
    assert one.creation_info == other.creation_info
    assert [license.license_id for license in one.extracted_licensing_info] == [
        license.license_id for license in other.extracted_licensing_info
    ]


@pytest.mark.parametrize(
    "name",
    ["Relationship", " NONE ", "Tool: x", "Person: me", "SHA3-256: 00", "MD5:00", "<text>", "2026-01-01T00:00:00Z-rc1"],
)
def test_names_that_are_syntax_of_tag_value_are_quoted(report_of: ReportOf, name: str, tmp_path: Path) -> None:
    package = scans.package(name, "root/package.json", version=name)
    report = report_of([folder("root"), file("root/a", "proprietary-license")], packages=[package])
    report.__dict__["about"] = {"title": name}

    document = spdx_of(report, "spdx", tmp_path)

    assert document.creation_info.name.strip('" ') == name.strip()
    assert [found.name.strip('" ') for found in document.packages] == [name.strip()] * 2
    assert document.packages[1].version.strip('" ') == name.strip()
    assert [found.name.strip('" ') for found in spdx_of(report, "spdx.json", tmp_path).packages] == [name.strip()] * 2


def test_all_tags_are_known() -> None:
    assert set(SPDXLexer.reserved) == TAGS


def test_spdx_names_declared_licence_and_purl(ugly: Report, tmp_path: Path) -> None:
    root = spdx_of(ugly, "spdx.json", tmp_path).packages[0]

    assert str(root.license_declared) == "MIT"
    assert root.external_references[0].locator == "pkg:npm/ugly@1.0"
    assert root.download_location == "https://example.org/ugly-1.0.tgz"


def test_exceptions_that_spdx_does_not_list_are_defined_with_their_text(hostile: Report) -> None:
    licenses = SpdxLicenses(hostile)

    assert licenses.expression("MIT OR (GPL-2.0-only WITH Classpath-exception-2.0)") == (
        "MIT OR (GPL-2.0-only WITH Classpath-exception-2.0)"
    )
    assert list(licenses.custom()) == []
    unlisted = licenses.expression("GPL-2.0-only WITH LicenseRef-scancode-bash-exception-gpl-2.0 OR MIT")
    assert unlisted == "LicenseRef-GPL-2.0-only-WITH-scancode-bash-exception-gpl-2.0 OR MIT"
    alone = licenses.expression("Classpath-exception-2.0")
    assert alone == "LicenseRef-Classpath-exception-2.0-alone"
    texts = {custom.ref: custom.text for custom in licenses.custom()}
    assert "The text of bash-exception-gpl." in texts[unlisted.partition(" ")[0]]
    assert "The text of classpath-exception-2.0." in texts[alone]
    assert licenses.ids("(MIT OR GPL-2.0-only WITH Classpath-exception-2.0) AND MIT") == ["MIT", "GPL-2.0-only"]


def test_spdx_3_fits_the_model_and_has_the_same_numbers(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.spdx3.json"
    path.write_bytes(written(report, "spdx3.json"))

    model, objects = spdx_python_model.load(path)
    # Writing it again checks what has to be there: the reader checks only what is.
    model.JSONLDSerializer().write(objects, io.BytesIO())

    kinds = Counter(type(item).__name__ for item in objects.foreach())
    assert objects.missing_ids == set()
    assert kinds["software_File"] == report.counts.files
    expressions = {
        it.simplelicensing_licenseExpression for it in objects.foreach_type("simplelicensing_LicenseExpression")
    }
    assert {SpdxLicenses(report).expression(spdx) for spdx, _ in report.expressions()} <= expressions


def test_every_id_of_spdx_3_is_defined_once(report: Report) -> None:
    graph = json.loads(written(report, "spdx3.json"))["@graph"]
    ids = Counter(item["spdxId"] for item in graph if "spdxId" in item)
    used = {end for item in graph if item["type"] == "Relationship" for end in [item["from"], *item["to"]]}

    assert set(ids.values()) == {1}
    assert {end for end in used if "#" in end} <= ids.keys()


# CycloneDX.


@pytest.mark.parametrize(
    ("name", "validator", "read"),
    [
        ("cdx.json", JsonStrictValidator, lambda text: Bom.from_json(json.loads(text))),
        ("cdx.xml", XmlValidator, lambda text: Bom.from_xml(io.StringIO(text))),
    ],
)
def test_cyclonedx_is_valid_and_has_the_same_numbers(report: Report, name: str, validator: Any, read: Any) -> None:
    text = written(report, name).decode()

    assert validator(SchemaVersion.V1_6).validate_str(text) is None
    bom = read(text)
    kinds = Counter(component.type.value for component in bom.components)
    needed = {need.purl for need in report.dependencies(per_page=500).items}
    assert kinds["file"] == report.counts.files
    assert kinds["library"] == report.counts.packages + len(needed)
    bom.validate()


def test_cyclonedx_carries_what_was_found_as_evidence(ugly: Report) -> None:
    components = {it["name"]: it for it in json.loads(written(ugly, "cdx.json"))["components"]}

    found = components["ugly/src/gpl.c"]

    assert found["evidence"]["licenses"] == [{"expression": "GPL-2.0-only WITH Linux-syscall-note OR MIT"}]
    assert found["evidence"]["copyright"] == [{"text": "Copyright (c) 2001 Jane Doe <jane@example.org>"}]
    assert found["properties"][0]["value"].startswith("GPL-2.0-only WITH Linux-syscall-note OR MIT, lines 1 to 1")
