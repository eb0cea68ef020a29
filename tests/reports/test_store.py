"""A report's store: built from ScanCode's lines, and asked for what pages show."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.store import Filters, Report, build
from reports.words import clean, license_keys
from scanner.errors import EngineError
from tests.reports import scans
from tests.reports.scans import TREE, file, folder

ReportOf = Callable[..., Report]


def paths(report: Report, **filters: Any) -> list[str]:
    return [row.path for row in report.files(Filters(**filters), per_page=500).files.items]


# Building.


@pytest.mark.parametrize(
    "text",
    [
        b'{"headers": [',
        b"[]\n",
        b'{"files":[{"path":"root"}]}\n',
        b'{"files":[{"type":"file"}]}\n',
        b'{"packages":[{}]}\n',
        b'{"files":7}\n',
        b"\xff\xfe\n",
    ],
)
def test_it_refuses_what_scancode_does_not_write_and_leaves_nothing(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.jsonl").write_bytes(text)

    with pytest.raises(EngineError):
        build(tmp_path / "bad.jsonl", tmp_path / "report.sqlite", about={})

    assert [path.name for path in tmp_path.iterdir()] == ["bad.jsonl"]


def test_it_puts_a_new_report_in_the_place_of_an_old_one(tmp_path: Path) -> None:
    lines = scans.write_lines(tmp_path / "report.jsonl", scans.lines(TREE))
    build(lines, tmp_path / "report.sqlite", about={"title": "old"})
    with (tmp_path / "report.sqlite").open("rb") as old:
        content = old.read()
        build(lines, tmp_path / "report.sqlite", about={"title": "new"})

        # Whoever reads the old one is left alone: it is another file.
        old.seek(0)
        assert old.read() == content
    with Report(tmp_path / "report.sqlite") as report:
        assert report.about == {"title": "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.jsonl", "report.sqlite"]


@pytest.mark.parametrize("held", [0, 2_000])
def test_texts_that_are_not_held_are_unpacked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: int) -> None:
    lines = scans.write_lines(tmp_path / "report.jsonl", scans.lines(TREE))
    build(lines, tmp_path / "all.sqlite", about={})
    monkeypatch.setattr("reports.builder._HELD", held)

    build(lines, tmp_path / "few.sqlite", about={})

    assert (tmp_path / "few.sqlite").read_bytes() == (tmp_path / "all.sqlite").read_bytes()


def test_the_store_cannot_be_written(report_of: ReportOf) -> None:
    report = report_of(TREE)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        report._db.execute("DELETE FROM file")


def test_it_refuses_to_open_what_is_not_a_report(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("not a database, though it is long enough to be looked at" * 100)
    sqlite3.connect(tmp_path / "other.sqlite").executescript("CREATE TABLE t (a)")

    for name in ("missing.sqlite", "text.sqlite", "other.sqlite"):
        with pytest.raises(EngineError):
            Report(tmp_path / name)


def test_it_opens_a_report_whose_path_holds_signs_of_an_address(tmp_path: Path) -> None:
    lines = scans.write_lines(tmp_path / "report.jsonl", scans.lines(TREE))
    build(lines, tmp_path / "a?b#c%20.sqlite", about={})

    with Report(tmp_path / "a?b#c%20.sqlite") as report:
        assert report.counts.files == 4


def test_a_report_of_a_single_file_has_no_folder(report_of: ReportOf) -> None:
    report = report_of([file("one.c", "mit")])

    assert report.counts.files == 1
    assert report.folder() is None
    assert report.file("one.c").row.spdx == "MIT"
    assert paths(report) == ["one.c"]


def test_a_report_without_files_answers_everything(report_of: ReportOf) -> None:
    report = report_of([folder("root")])

    assert report.counts.files == 0
    assert report.files(Filters(path="x", text="yz")).files.total == 0
    assert report.folder().children.total == 0
    assert report.summary().declared is None


def test_it_keeps_folders_whole_whatever_the_order_of_files(report_of: ReportOf) -> None:
    """ScanCode cleans "..", so an item listed in one folder may have a path in another, or outside of the root."""
    strange = [
        folder("root"),
        folder("root/a"),
        file("root/a/1", "mit"),
        file("root/x", "mit"),
        file("../outside", "mit"),
        file("root/a/2", "mit"),
        folder("root/a b"),
        file("root/a b/3", "mit"),
        file("root/a.c", "mit"),
    ]

    report = report_of(strange)

    assert paths(report, folder="root/a") == ["root/a/1", "root/a/2"]
    assert paths(report, folder="root/a b") == ["root/a b/3"]
    assert report.folder().row.files == 6
    assert {row.path for row in report.folder().children.items} >= {"../outside", "root/x", "root/a"}
    assert report.folder("root/a").row.files == 2


def test_two_files_may_come_to_the_same_path(report_of: ReportOf) -> None:
    report = report_of([folder("root"), file("root/x", "mit"), file("root/x", "gpl-2.0")])

    assert report.counts.files == 2
    assert report.file("root/x").row.path == "root/x"


# Numbers.


def test_the_totals_are_those_of_scancodes_json(ugly: Report, ugly_json: dict[str, Any]) -> None:
    items = [item for item in ugly_json["files"] if item["type"] == "file"]
    counts = ugly.counts

    assert counts.files == len(items) == ugly_json["headers"][0]["extra_data"]["files_count"]
    assert counts.folders == len(ugly_json["files"]) - len(items)
    assert counts.bytes == sum(item["size"] for item in items)
    assert counts.unlicensed == sum(item["detected_license_expression"] is None for item in items)
    assert counts.errors == sum(len(item["scan_errors"]) for item in items)
    assert counts.packages == len(ugly_json["packages"])
    assert counts.dependencies == len(ugly_json["dependencies"])
    assert counts.detections == len(ugly_json["license_detections"])


def test_licences_holders_and_languages_are_those_of_the_files(ugly: Report, ugly_json: dict[str, Any]) -> None:
    items = [item for item in ugly_json["files"] if item["type"] == "file"]
    licenses = Counter(key for item in items for key in license_keys(item["detected_license_expression"]))
    holders = Counter(holder for item in items for holder in {it["holder"] for it in item["holders"]})
    languages = Counter(item["programming_language"] for item in items if item["programming_language"])

    assert {license.key: license.files for license in ugly.licenses()} == licenses
    assert {share.value: share.files for share in ugly.holders()} == holders
    assert {share.value: share.files for share in ugly.languages()} == languages
    assert ugly.counts.licenses == len(licenses)
    assert ugly.counts.holders == len(holders)


def test_every_unique_detection_has_as_many_places_as_scancode_counted(ugly: Report) -> None:
    for found in ugly.detections(per_page=500).items:
        assert ugly.detection(found.identifier).places.total == found.count


def test_folders_add_up_to_the_whole(ugly: Report) -> None:
    root = ugly.folder()
    parts = root.children.items

    assert root.row.files == ugly.counts.files == sum(row.files + row.is_file for row in parts)
    assert root.row.size == ugly.counts.bytes == sum(row.size for row in parts)
    assert root.row.unlicensed == ugly.counts.unlicensed
    assert {share.value: share.files for share in root.row.licenses} == {it.key: it.files for it in ugly.licenses()}


def test_a_category_has_the_files_of_its_licences_each_once(report_of: ReportOf) -> None:
    report = report_of([folder("root"), file("root/a", "mit AND apache-2.0"), file("root/b", "mit OR gpl-2.0")])

    assert {share.value: share.files for share in report.categories()} == {"Permissive": 2, "Copyleft": 1}


# What pages show.


def test_the_header_tells_how_the_scan_was_made(ugly: Report) -> None:
    header = ugly.header

    assert (header.tool, header.version) == ("scancode-toolkit", "32.5.0")
    assert "ScanCode should be considered or used as legal advice" in header.notice
    assert header.options["--license"] is True


def test_the_summary_answers_with_the_declared_licence_in_words(ugly: Report) -> None:
    summary = ugly.summary()

    assert summary.declared.spdx == "MIT"
    assert [license.name for license in summary.declared.licenses] == ["MIT License"]
    assert summary.declared.categories == ("Permissive",)
    assert summary.clarity.score == 80
    assert summary.clarity.parts["declared_license"] is True
    assert ("ugly/LICENSE", "MIT") in summary.key_files


def test_a_licence_comes_with_its_text(ugly: Report) -> None:
    assert ugly.license("mit").text.startswith("Permission is hereby granted")
    assert ugly.license("no-such-key") is None


def test_a_detection_shows_its_places_and_its_rule(ugly: Report) -> None:
    path = "ugly/src/gpl3.c"
    identifier = ugly.file(path).detections[0].identifier

    found = ugly.detection(identifier)

    assert [place.path for place in found.places.items] == [path]
    assert found.matches[0].score > 0
    assert ugly.rule(found.matches[0].rule).text
    assert ugly.detection("no-such-detection") is None


def test_each_place_has_the_matches_that_scancode_wrote_of_it(ugly: Report, ugly_json: dict[str, Any]) -> None:
    written = Counter()
    for item in ugly_json["files"]:
        packages = item.get("package_data") or ()
        for in_package, found in (
            (False, item["license_detections"]),
            *((True, package["license_detections"]) for package in packages),
            *((True, package["other_license_detections"]) for package in packages),
        ):
            for detection in found:
                matches = tuple((match["rule_identifier"], match["start_line"]) for match in detection["matches"])
                written[detection["identifier"], clean(item["path"]), in_package, matches] += 1

    read = Counter(
        (one.identifier, place.path, place.in_package, tuple((match.rule, match.start_line) for match in place.matches))
        for one in ugly.detections(per_page=500).items
        for place in ugly.detection(one.identifier, per_page=500).places.items
    )

    assert read == written
    assert len({path for _, path, _, _ in read}) < len(read)
    assert {in_package for _, _, in_package, _ in read} == {True, False}


def test_a_file_has_all_its_findings(ugly: Report, ugly_json: dict[str, Any]) -> None:
    stock = next(item for item in ugly_json["files"] if item["path"] == "ugly/src/gpl.c")

    found = ugly.file("ugly/src/gpl.c")

    assert found.data == stock
    assert [holder.value for holder in found.holders] == ["Jane Doe"]
    assert [(it.value, it.start_line) for it in found.copyrights] == [
        ("Copyright (c) 2001 Jane Doe <jane@example.org>", 2)
    ]
    assert [name for name, _ in found.parents] == ["ugly", "src"]
    assert ugly.file("ugly/src") is None
    assert ugly.file("ugly/none") is None


def test_a_name_that_is_not_utf_8_can_be_shown_found_and_opened(ugly: Report) -> None:
    shown = r"ugly/src/\xff\xfe.txt"

    assert paths(ugly, path=r"\xff\xfe") == [shown]
    assert ugly.file(shown).stored_path == "ugly/src/\udcff\udcfe.txt"
    assert ugly.file("ugly/src/\udcff\udcfe.txt").row.path == shown


def test_every_file_and_folder_of_the_tree_is_reached_from_the_root(ugly: Report, ugly_json: dict[str, Any]) -> None:
    reached, waiting = [], [""]
    while waiting:
        for row in ugly.folder(waiting.pop()).children.items:
            reached.append(row.path)
            if not row.is_file:
                waiting.append(row.path)

    assert sorted(["ugly", *reached]) == sorted(clean(item["path"]) for item in ugly_json["files"])


def test_a_folder_is_shown_a_page_at_a_time_folders_first(report_of: ReportOf) -> None:
    files = [file(f"root/{name}") for name in ("b", "A", "c")]
    report = report_of([folder("root"), *files, folder("root/z")])

    pages = [report.folder(page=number, per_page=2).children for number in (1, 2, 3)]

    assert [[row.name for row in page.items] for page in pages] == [["z", "A"], ["b", "c"], []]
    assert {page.total for page in pages} == {4}
    assert pages[0].pages == 2


def test_packages_state_what_they_declare_and_what_their_files_say(report_of: ReportOf) -> None:
    package = scans.package("thing", "root/package.json", "mit")
    own = {"for_packages": [package["package_uid"]]}
    report = report_of(
        [folder("root"), file("root/a", "mit", **own), file("root/b", "gpl-2.0", **own), file("root/c", None, **own)],
        packages=[package],
        dependencies=[
            scans.dependency("pkg:npm/%40scope/left-pad@1.2", package),
            scans.dependency("pkg:pypi/flask", None),
        ],
    )

    found = report.packages().items[0]

    assert (found.name, found.declared_spdx, found.files, found.dependencies) == ("thing", "MIT", 3, 1)
    assert {(share.value, share.files) for share in found.detected} == {("MIT", 1), ("GPL-2.0-only", 1), ("", 1)}
    assert (found.agrees, found.undeclared) == (False, ("GPL-2.0-only",))
    assert report.package(found.uid) == found
    needs = report.dependencies(found.uid).items
    assert [(need.name, need.version) for need in needs] == [("@scope/left-pad", "1.2")]
    assert [need.purl for need in report.dependencies(None).items] == ["pkg:pypi/flask"]
    assert report.dependencies().total == 2


def test_a_rare_licence_among_many_contradicts_too(report_of: ReportOf) -> None:
    package = scans.package("thing", "root/package.json", "mit")
    own = {"for_packages": [package["package_uid"]]}
    many = [file(f"root/{n}-{twin}", f"mit AND unknown-{n}", **own) for n in range(40) for twin in "ab"]

    found = report_of([folder("root"), *many, file("root/x", "gpl-2.0", **own)], packages=[package]).packages().items[0]

    assert found.undeclared == ("GPL-2.0-only",)


def test_an_unknown_licence_contradicts_no_declared_one(report_of: ReportOf) -> None:
    package = scans.package("thing", "root/package.json", "mit")
    own = {"for_packages": [package["package_uid"]]}
    files = [folder("root"), file("root/a", "mit", **own), file("root/b", "unknown-license-reference", **own)]

    assert report_of(files, packages=[package]).packages().items[0].agrees is True


def test_a_package_whose_files_name_no_licence_cannot_be_compared(report_of: ReportOf) -> None:
    package = scans.package("thing", "root/package.json", "mit")
    files = [folder("root"), file("root/a", None, for_packages=[package["package_uid"]])]

    assert report_of(files, packages=[package]).packages().items[0].agrees is None


def test_errors_are_listed_with_their_files(report_of: ReportOf) -> None:
    report = report_of(TREE)

    assert [(item.path, item.errors) for item in report.errors().items] == [
        ("root/src/b.py", ("ERROR: for scanner: licenses: boom",))
    ]
    assert list(report.each_error()) == list(report.errors().items)


def test_about_may_hold_any_json(tmp_path: Path) -> None:
    about = {"notes": ["\udcff", "é"], "deep": {"a": [1, None, 2.5]}}
    build(scans.write_lines(tmp_path / "a.jsonl", scans.lines(TREE)), tmp_path / "a.sqlite", about=about)

    with Report(tmp_path / "a.sqlite") as report:
        assert report.about == {"notes": [r"\xff", "é"], "deep": {"a": [1, None, 2.5]}}
        assert json.dumps(report.about)


def test_files_are_found_by_the_layer_that_they_or_their_archive_came_with(tmp_path: Path) -> None:
    names = ("a/x.c", "a/x.tar-extract/y.c", "a/x.tar-extract/z.zip-extract_2/z.c", "a/other.c")
    lines = scans.write_lines(tmp_path / "a.jsonl", scans.lines([file(path) for path in names]))

    build(lines, tmp_path / "a.sqlite", about={}, layers={"a/x.c": 1, "a/x.tar": 12})

    with Report(tmp_path / "a.sqlite") as report:
        assert [found.layer if (found := report.file(path)) else 0 for path in names] == [1, 12, 12, None]
        assert [row.path for row in report.files(Filters(layer="12")).files.items] == list(names[1:3])
        assert {share.value: share.files for share in report.files().facets["layer"]} == {"1": 1, "12": 2}
