"""Each format, read back by the usual reader or checked by the published schema, with the same numbers in all."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lxml.html
import openpyxl
import pytest
import spdx_python_model
import yaml
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spdx_tools.spdx.model import Document, RelationshipType
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.parser.tagvalue.tagvalue_parser import Parser as TagValueParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from reports.formats import FORMATS, write
from reports.store import Report, build
from reports.words import clean_deep
from reports.writers.cells import harmless, shorten
from reports.writers.pages import web_link
from reports.writers.spdx_licenses import SpdxLicenses
from reports.writers.streams import write_json
from tests.reports import scans
from tests.reports.scans import file, folder

ReportOf = Callable[..., Report]
FORMULA = re.compile(r"""^[\s"']*[=+\-@＝＋－＠]|^[\t\r\n]""")


def written(report: Report, name: str) -> bytes:
    out = io.BytesIO()
    write(report, name, out)
    return out.getvalue()


@pytest.fixture
def hostile(report_of: ReportOf) -> Report:
    """A report with a bad text wherever ScanCode puts a stranger's text."""
    bad = "=1+1\x01\x1b\udcff\u202e</text>]]><script>alert(1)</script>\n\r\tRelationship: x\ufffe"
    package = scans.package(
        bad,
        f"root/{bad}",
        "gpl-2.0 WITH bash-exception-gpl",
        namespace=bad,
        version=bad,
        description=bad,
        homepage_url=f"https://example.org/{bad}",
        download_url=bad,
        copyright=bad,
        holder=bad,
        extracted_license_statement=bad,
        purl=f"pkg:npm/{bad}",
        package_uid=f"pkg:npm/{bad}?uuid=1",
    )
    findings = {f"{kind}s": [{kind: bad, "start_line": 1, "end_line": 1}] for kind in ("author", "email", "url")}
    files = [
        folder("root"),
        file(
            f"root/{bad}", "mit", holders=[bad], programming_language=bad, mime_type=bad, scan_errors=[bad], **findings
        ),
        file("root/exception", "bash-exception-gpl", for_packages=[package["package_uid"]]),
        file("root/both", "gpl-2.0 WITH bash-exception-gpl OR gpl-2.0 WITH classpath-exception-2.0"),
        file("root/empty", size=0, sha1=None, sha256=None, md5=None),
        file("root/unread", sha1=None, sha256=None, md5=None),
    ]
    needs = [scans.dependency(f"pkg:npm/{bad}@1", package, extracted_requirement=bad, scope=bad, datafile_path=bad)]
    return report_of(
        files,
        packages=[package],
        dependencies=needs,
        summary={"declared_license_expression": "gpl-2.0 WITH bash-exception-gpl", "declared_holder": bad},
    )


@pytest.fixture(params=["ugly", "hostile"])
def report(request: pytest.FixtureRequest) -> Report:
    """Both: what ScanCode really writes, and the worst that it could."""
    return request.getfixturevalue(request.param)


# The table.


def test_every_format_has_a_writer_and_a_title() -> None:
    plain = ["json", "jsonl", "yaml", "csv", "xlsx"]
    bills = ["spdx", "spdx.json", "spdx3.json", "cdx.json", "cdx.xml"]
    assert list(FORMATS) == [*plain, *bills, "notice.txt", "notice.html", "html", "zip"]
    for format in FORMATS.values():
        assert format.title
        assert "/" in format.media_type


def test_the_table_and_the_store_are_light() -> None:
    """The site imports both: what only a writer needs comes with the writer."""
    code = "import sys, reports.store, reports.formats; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"flask", "sqlalchemy", "scancode", "openpyxl", "jinja2", "yaml", "numpy"} & set(loaded)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_the_same_each_time_and_needs_no_seekable_file(report: Report, name: str) -> None:
    class Pipe(io.RawIOBase):
        content = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.content += bytes(data)
            return len(data)

    pipe = Pipe()

    write(report, name, pipe)  # type: ignore[arg-type]

    assert not pipe.closed
    assert len(pipe.content) > 100
    if name not in ("xlsx", "zip"):
        assert pipe.content == written(report, name)


# ScanCode's own.


def test_json_equals_scancodes(ugly: Report, ugly_json: dict[str, Any]) -> None:
    assert json.loads(written(ugly, "json")) == ugly_json


def test_json_lines_equal_scancodes_to_the_byte(ugly: Report, ugly_lines: Path) -> None:
    assert written(ugly, "jsonl") == ugly_lines.read_bytes()


def test_parts_that_scancode_left_out_are_empty_in_the_json(report_of: ReportOf) -> None:
    found = json.loads(written(report_of([folder("root")]), "json"))

    assert (found["packages"], found["dependencies"], found["license_detections"]) == ([], [], [])


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_yaml_reads_back_as_the_same(report: Report, loader: Any) -> None:
    assert yaml.load(written(report, "yaml"), loader) == clean_deep(json.loads(written(report, "json")))


# Spreadsheets.


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written(report, "csv").decode(), newline="")))


def test_csv_has_a_row_for_each_file(ugly: Report) -> None:
    rows = rows_of(ugly)

    assert len(rows) == ugly.counts.files
    assert sum(int(row["bytes"]) for row in rows) == ugly.counts.bytes
    assert sum(not row["licence (SPDX)"] for row in rows) == ugly.counts.unlicensed


def test_xlsx_has_the_same_numbers(ugly: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(ugly, "xlsx")))
    tables = {sheet.title: list(sheet.iter_rows(min_row=2, values_only=True)) for sheet in book}
    summary = dict(tables["Summary"])

    assert summary["declared licence"] == "MIT"
    assert summary["files"] == len(tables["Files"]) == ugly.counts.files
    assert summary["packages"] == len(tables["Packages"]) == ugly.counts.packages
    assert summary["dependencies"] == len(tables["Dependencies"]) == ugly.counts.dependencies
    assert summary["unique licence detections"] == len(tables["Detections"]) == ugly.counts.detections
    assert {row[2]: row[4] for row in tables["Licences"]} == {it.key: it.files for it in ugly.licenses()}
    assert len(tables["Holders"]) == ugly.counts.holders


def test_no_cell_is_a_formula(report: Report) -> None:
    cells = [cell for row in rows_of(report) for cell in row.values()]
    book = openpyxl.load_workbook(io.BytesIO(written(report, "xlsx")))
    typed = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]

    assert {cell.data_type for cell in typed} <= {"s", "n"}
    for text in [*cells, *(cell.value for cell in typed if isinstance(cell.value, str))]:
        assert not FORMULA.match(text.removeprefix("'")) or text.startswith("'"), text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t'=1"),
        ("\rx", "'\rx"),
        (' "=1', "' \"=1"),
        ("＝1", "'＝1"),
        ("＋1", "'＋1"),
        ("a;=1", "a;'=1"),
        ("a\n-b", "a\n'-b"),
        ("a-b=c", "a-b=c"),
        ("2 + 2", "2 + 2"),
        ("", ""),
    ],
)
def test_what_would_start_a_formula_is_quoted(text: str, cell: str) -> None:
    assert harmless(text) == cell


@pytest.mark.parametrize("text", ["x" * 40_000, "😀" * 20_000])
def test_a_cell_is_no_longer_than_excel_takes(text: str) -> None:
    assert len(shorten(text).encode("utf-16-le")) // 2 <= 32_767
    assert shorten(text).endswith("…")
    assert shorten(text[:16_000]) == text[:16_000]


def test_a_text_that_excel_takes_for_an_error_stays_a_text(report_of: ReportOf) -> None:
    report = report_of([folder("root"), file("root/a", holders=["#N/A"])])

    book = openpyxl.load_workbook(io.BytesIO(written(report, "xlsx")))

    cell = book["Holders"]["A2"]
    assert (cell.value, cell.data_type) == ("#N/A", "s")


# SPDX.


def tag_values(text: bytes) -> Document:
    # By default this parser writes its tables and a log into site-packages, where two test processes meet.
    return TagValueParser(debug=False, write_tables=False).parse(text.decode())


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

    assert [file.name for file in one.files] == [file.name for file in other.files]
    licenses = [[[str(name) for name in it.license_info_in_file] for it in both.files] for both in (one, other)]
    assert licenses[0] == licenses[1]
    assert one.creation_info == other.creation_info
    assert [license.license_id for license in one.extracted_licensing_info] == [
        license.license_id for license in other.extracted_licensing_info
    ]


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


# For people.


def test_the_notice_holds_every_copyright_and_every_licence_text(ugly: Report) -> None:
    plain = written(ugly, "notice.txt").decode()
    page = lxml.html.fromstring(written(ugly, "notice.html")).text_content()

    for text in (plain, page):
        for share in ugly.copyrights(-1):
            assert share.value in text
        for license in ugly.licenses():
            assert license.name in text
        assert "Permission is hereby granted, free of charge" in text


def test_the_notice_leaves_out_what_was_only_a_clue(ugly: Report) -> None:
    assert ugly.license("lgpl-2.0-plus")
    assert "lgpl-2.0-plus" not in {license.key for license in ugly.licenses()}

    assert "LGPL-2.0-or-later" not in written(ugly, "notice.txt").decode()


def test_the_page_has_the_same_numbers(ugly: Report) -> None:
    page = lxml.html.fromstring(written(ugly, "html"))
    tables = [[[cell.text_content() for cell in row] for row in body.iterfind("tr")] for body in page.iter("tbody")]

    licenses = {row[1]: int(row[3]) for row in tables[0] if row[1]}
    assert licenses == {license.spdx: license.files for license in ugly.licenses()}
    assert int(tables[0][-1][3]) == ugly.counts.unlicensed
    assert len(tables[-1]) == ugly.counts.files
    assert f"{ugly.counts.files:,} files, {ugly.counts.bytes:,} bytes" in page.text_content()


@pytest.mark.parametrize("name", ["html", "notice.html"])
def test_a_page_runs_nothing_and_asks_no_other_host(report: Report, name: str) -> None:
    page = lxml.html.fromstring(written(report, name))

    assert not [it for it in page.iter() if it.tag in ("script", "img", "iframe", "link", "object", "form", "base")]
    assert not [key for it in page.iter() if isinstance(it.tag, str) for key in it.attrib if key.startswith("on")]
    assert all(link.get("href").startswith(("http://", "https://", "#")) for link in page.iter("a"))
    assert "default-src 'none'" in page.find(".//meta[@http-equiv]").get("content")


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a?b#c", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("javascript://example.org/%0aalert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https://example.org/\u202e", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_a_page_links_to_addresses_of_the_web_only(url: str, linked: bool) -> None:
    assert bool(web_link(url)) is linked


# All of them.


def test_the_zip_has_each_other_format_in_it(ugly: Report) -> None:
    with zipfile.ZipFile(io.BytesIO(written(ugly, "zip"))) as archive:
        assert archive.testzip() is None
        names = {name: archive.read(name) for name in archive.namelist()}

    assert set(names) == {f"ugly-1.0/ugly-1.0.{name}" for name in FORMATS if name != "zip"}
    assert names["ugly-1.0/ugly-1.0.json"] == written(ugly, "json")


def test_the_names_in_the_zip_are_harmless_whatever_was_scanned(report_of: ReportOf, tmp_path: Path) -> None:
    report = report_of([folder("root"), file("root/a")])
    for title in ("../../etc/passwd", "...", "\0\ud800", "C:\\x"):
        report.__dict__["about"] = {"title": title}
        with zipfile.ZipFile(io.BytesIO(written(report, "zip"))) as archive:
            for name in archive.namelist():
                assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*/[A-Za-z0-9][A-Za-z0-9.-]*", name)


# Any text at all.


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec=None, exclude_characters="/"), min_size=1, max_size=20))
def test_no_text_breaks_a_format(tmp_path: Path, text: str) -> None:
    package = scans.package(text, "root/package.json", description=text, version=text)
    items = [folder("root"), file(f"root/{text}", "mit", holders=[text], scan_errors=[text], mime_type=text)]
    build(scans.write_lines(tmp_path / "a.jsonl", scans.lines(items, packages=[package])), tmp_path / "a", about={})

    with Report(tmp_path / "a") as report:
        formats = {name: written(report, name) for name in FORMATS if name != "zip"}

    assert yaml.load(formats["yaml"], yaml.CSafeLoader) == clean_deep(json.loads(formats["json"]))
    assert len(list(csv.reader(io.StringIO(formats["csv"].decode(), newline="")))) == 2
    assert XmlValidator(SchemaVersion.V1_6).validate_str(formats["cdx.xml"].decode()) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(formats["cdx.json"].decode()) is None
    assert spdx_python_model.load_data(json.loads(formats["spdx3.json"]))
    assert tag_values(formats["spdx"]).files[0].name.startswith("./root/")
    assert openpyxl.load_workbook(io.BytesIO(formats["xlsx"]))["Files"].max_row == 2
    for name in ("html", "notice.html", "notice.txt"):
        assert formats[name].decode()


# Streaming.


def test_json_is_written_while_its_items_are_read() -> None:
    out = io.BytesIO()
    sizes = []

    def items() -> Iterator[str]:
        for _ in range(100):
            sizes.append(len(out.getvalue()))
            yield "x" * 10_000

    write_json(out, {"items": items(), "last": 1})

    assert sizes[50] > 400_000
    assert len(json.loads(out.getvalue())["items"]) == 100
