"""What a page costs in a report of 50,000 files: told by SQLite's own plans, not by a clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.store import Filters, Report

#: A plan reads these from one end to the other only where a test says that it may.
LARGE = ("file", "file_data", "file_term", "term", "place", "dependency")
#: The most statements that one answer may take.
MOST = 25

FILE = "root/group003/part01/file003077.c"
UID = "pkg:npm/p3@1.0?uuid=00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def large(large_store: Path) -> Iterator[Report]:
    with Report(large_store) as report:
        yield report


def statements(report: Report, ask: Callable[[Report], Any]) -> list[str]:
    """Return what is executed to answer, with its values in it."""
    executed: list[str] = []
    report._db.set_trace_callback(executed.append)
    try:
        ask(report)
    finally:
        report._db.set_trace_callback(None)
    # FTS5 reads its own tables with statements that show up as comments.
    return [statement for statement in executed if not statement.startswith("--")]


def scans_of(report: Report, statement: str) -> list[str]:
    """Return the steps of a plan that read a large table in full."""
    plan = [row[3] for row in report._db.execute("EXPLAIN QUERY PLAN " + statement)]
    return [step for step in plan if re.match(rf"SCAN ({'|'.join(LARGE)})\b", step)]


ANSWERS: dict[str, Callable[[Report], Any]] = {
    "summary": lambda report: report.summary(),
    "to_look_at": lambda report: report.to_look_at(),
    "licenses": lambda report: report.licenses(),
    "license": lambda report: report.license("mit"),
    "categories": lambda report: report.categories(),
    "holders": lambda report: report.holders(),
    "languages": lambda report: report.languages(),
    "detections": lambda report: report.detections(),
    "detection": lambda report: report.detection(report.detections().items[0].identifier, page=7),
    "rule": lambda report: report.rule("a_rule.RULE"),
    "packages": lambda report: report.packages(),
    "package": lambda report: report.package(UID),
    "dependencies of a package": lambda report: report.dependencies(UID),
    "dependencies of none": lambda report: report.dependencies(None),
    "folder": lambda report: report.folder("root/group003"),
    "root": lambda report: report.folder(),
    "file": lambda report: report.file(FILE),
    "errors": lambda report: report.errors(),
    "all files": lambda report: report.files(),
    "files, late page": lambda report: report.files(page=900),
    "files of a licence": lambda report: report.files(Filters(license="mit")),
    "files of a category": lambda report: report.files(Filters(category="Permissive")),
    "files of a holder": lambda report: report.files(Filters(holder="Holder 3")),
    "files of a package": lambda report: report.files(Filters(package=UID)),
    "files of a folder": lambda report: report.files(Filters(folder="root/group003")),
    "files by path": lambda report: report.files(Filters(path="part01/file003")),
    "files by finding": lambda report: report.files(Filters(text="someone499@")),
    "files by all": lambda report: report.files(
        Filters(license="mit", category="Permissive", folder="root/group003", path="file", text="holder", language="C")
    ),
    "files with errors, without licence": lambda report: report.files(Filters(has_error=True, no_license=True)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_reads_no_large_table_in_full(large: Report, name: str) -> None:
    executed = statements(large, ANSWERS[name])

    assert executed
    assert {statement: found for statement in executed if (found := scans_of(large, statement))} == {}
    assert len(executed) <= MOST


@pytest.mark.parametrize("filters", [Filters(path="c"), Filters(text="c")])
def test_a_search_too_short_for_the_index_reads_no_row_but_only_an_index(large: Report, filters: Filters) -> None:
    found = [
        step for statement in statements(large, lambda it: it.files(filters)) for step in scans_of(large, statement)
    ]

    assert len(found) == 1
    assert "USING COVERING INDEX" in found[0]


@pytest.mark.parametrize("name", ["holders", "categories", "languages", "all files"])
def test_the_most_frequent_values_come_without_sorting(large: Report, name: str) -> None:
    executed = [statement for statement in statements(large, ANSWERS[name]) if "ORDER BY files DESC" in statement]
    plans = [row[3] for statement in executed for row in large._db.execute("EXPLAIN QUERY PLAN " + statement)]

    assert executed
    assert [step for step in plans if "TEMP B-TREE" in step] == []


def test_many_files_are_counted_by_bitmaps_and_few_by_row(large: Report) -> None:
    def by_row(filters: Filters) -> bool:
        return any("GROUP BY term" in statement for statement in statements(large, lambda it: it.files(filters)))

    assert by_row(Filters(holder="Holder 3"))
    assert not by_row(Filters(license="mit"))


def test_a_full_read_would_be_noticed(large: Report) -> None:
    assert scans_of(large, "SELECT path FROM file WHERE size = 7")
    assert scans_of(large, "SELECT count(*) FROM place JOIN file ON file.id = place.file WHERE score > 3")
