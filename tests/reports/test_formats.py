"""Each format, read back by the usual reader or checked by the published schema, with the same numbers in all."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lxml.html
import openpyxl
import pytest
import spdx_python_model
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.formats import FORMATS, write
from reports.store import Report, build
from reports.words import clean_deep
from reports.writers.pages import web_link
from reports.writers.streams import write_json
from tests.reports import scans
from tests.reports.readers import tag_values
from tests.reports.scans import file, folder, written

ReportOf = Callable[..., Report]


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


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
