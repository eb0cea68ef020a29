"""CSV and XLSX: the same numbers, and no cell that is a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import openpyxl
import pytest

from reports.store import Report
from reports.writers.cells import harmless, shorten
from tests.reports.scans import file, folder, written

ReportOf = Callable[..., Report]
FORMULA = re.compile(r"""^[\s"']*[=+\-@＝＋－＠]|^[\t\r\n]""")


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
