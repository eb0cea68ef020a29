"""Which files pass the filters and searches, and how those divide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.store import Filters, Report
from reports.words import clean, license_keys
from tests.reports.scans import TREE, file, folder

ReportOf = Callable[..., Report]


def paths(report: Report, **filters: Any) -> list[str]:
    return [row.path for row in report.files(Filters(**filters), per_page=500).files.items]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["a.c", "b.py", "c.py", "LICENSE"]),
        ({"license": "mit"}, ["a.c", "LICENSE"]),
        ({"license": "nothing"}, []),
        ({"category": "Copyleft"}, ["a.c"]),
        ({"holder": "Bob"}, ["a.c"]),
        ({"language": "Python"}, ["b.py", "c.py"]),
        ({"folder": "root/src/deep"}, ["c.py"]),
        ({"folder": "root/src/"}, ["a.c", "b.py", "c.py"]),
        ({"folder": "root/sr"}, []),
        ({"folder": "root/LICENSE"}, []),
        ({"path": "SRC/"}, ["a.c", "b.py", "c.py"]),
        ({"path": ".p"}, ["b.py", "c.py"]),
        ({"path": "%"}, []),
        ({"path": "_"}, []),
        ({"text": "copyright (c) 2020 bob"}, ["a.c"]),
        ({"text": "bo"}, ["a.c", "b.py"]),
        ({"text": "boom"}, ["b.py"]),
        ({"text": "gpl-2.0 or mit"}, ["a.c"]),
        ({"has_error": True}, ["b.py"]),
        ({"no_license": True}, ["b.py"]),
        ({"license": "mit", "holder": "Bob", "path": "src"}, ["a.c"]),
        ({"license": "mit", "no_license": True}, []),
    ],
)
def test_filters_combine(report_of: ReportOf, filters: dict[str, Any], found: list[str]) -> None:
    report = report_of(TREE)

    assert sorted(path.rpartition("/")[2] for path in paths(report, **filters)) == sorted(found)


@pytest.mark.parametrize(
    "text", ['"', "'", "a*", "a OR b", "NEAR(", "\\", "%a", "^", "-x", "col:x", "\udcff\udcfe", "ß😀x"]
)
@pytest.mark.parametrize("kind", ["path", "text"])
def test_a_search_takes_every_sign_as_it_is(report_of: ReportOf, kind: str, text: str) -> None:
    name = f"<{text}>".replace("/", "")
    report = report_of([folder("root"), file("root/other"), file(f"root/{name}", holders=[f"x {text} y"])])

    assert paths(report, **{kind: text}) == [clean(f"root/{name}")]
    assert paths(report, **{kind: f"no{text}no"}) == []


def test_pages_of_files_follow_on_and_end(report_of: ReportOf) -> None:
    report = report_of([folder("root"), *(file(f"root/{number:03}", "mit") for number in range(25))])

    pages = [report.files(Filters(license="mit"), page, 10).files for page in (1, 2, 3, 4)]

    assert [row.name for page in pages for row in page.items] == [f"{number:03}" for number in range(25)]
    assert {page.total for page in pages} == {25}
    assert report.files(page=-1, per_page=0).files.number == 1


def test_facets_count_what_passes(large_store: Path) -> None:
    """Small sets are counted by row and large ones by bitmap: both agree with counting by hand."""
    with Report(large_store) as report:
        for filters in (Filters(license="mit"), Filters(folder="root/group003", license="mit")):
            found = report.files(filters)
            passing = report._listing.rows(_all_numbers(report, filters))

            languages = Counter(row.language for row in passing if row.language)
            licenses = Counter(key for row in passing for key in license_keys(row.expression))
            assert {share.value: share.files for share in found.facets["language"]} == languages
            assert {share.value: share.files for share in found.facets["license"]} == licenses
            assert found.failed == sum(bool(row.errors) for row in passing)
            assert found.files.total == len(passing)


def _all_numbers(report: Report, filters: Filters) -> list[int]:
    files = report._listing.matching(filters)
    return [number for number in range(files.bit_length()) if files >> number & 1]


def test_facets_of_everything_are_the_totals(ugly: Report) -> None:
    facets = ugly.files().facets

    assert {share.value: share.files for share in facets["license"]} == {it.key: it.files for it in ugly.licenses()}
    assert facets["holder"] == ugly.holders(30)
