"""What in a report is named as worth a look."""

from __future__ import annotations

from collections.abc import Callable

from reports.store import Filters, Report
from tests.reports import scans
from tests.reports.scans import TREE, file, folder

ReportOf = Callable[..., Report]


def test_it_names_what_is_worth_a_look(report_of: ReportOf) -> None:
    report = report_of(TREE, summary={"declared_license_expression": "mit"})

    found = {item.kind: item for item in report.to_look_at()}

    assert found.keys() == {"other-category", "unknown", "error", "unlicensed"}
    assert found["other-category"].examples == ("root/src/a.c",)
    assert "GPL-2.0-only" in found["other-category"].sentence
    for item in found.values():
        assert report.files(item.filters).files.total == item.count


def test_it_finds_nothing_to_look_at_where_all_is_well(report_of: ReportOf) -> None:
    report = report_of([folder("root"), file("root/a", "mit")], summary={"declared_license_expression": "mit"})

    assert report.to_look_at() == ()


def test_it_says_so_when_no_licence_is_declared(report_of: ReportOf) -> None:
    assert [item.kind for item in report_of([folder("root"), file("root/a", "mit")]).to_look_at()] == ["undeclared"]


def test_a_package_that_disagrees_with_its_files_is_named(report_of: ReportOf) -> None:
    package = scans.package("thing", "root/package.json", "mit")
    files = [folder("root"), file("root/b", "apache-2.0", for_packages=[package["package_uid"]])]

    found = report_of(files, packages=[package], summary={"declared_license_expression": "mit"}).to_look_at()

    assert [(item.kind, item.filters) for item in found] == [("conflict", Filters(package=package["package_uid"]))]
    assert "pkg:npm/thing@1.0" in found[0].sentence
