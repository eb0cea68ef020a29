"""Reports to ask: ScanCode's own of the ugly codebase, and a large one that was made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.store import Report, build
from tests.reports import scans

DATA = Path(__file__).parent / "data"
ABOUT = {
    "title": "ugly 1.0",
    "source": {
        "url": "https://example.org/ugly-1.0.tgz",
        "purl": "pkg:npm/ugly@1.0",
        "version": "1.0",
        "sha256": "0" * 64,
    },
}


@pytest.fixture(scope="session")
def ugly_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ScanCode's JSON Lines of the ugly codebase."""
    path = tmp_path_factory.mktemp("lines") / "ugly.jsonl"
    path.write_bytes(gzip.decompress((DATA / "ugly.jsonl.gz").read_bytes()))
    return path


@pytest.fixture(scope="session")
def ugly_json() -> dict[str, Any]:
    """ScanCode's JSON of the ugly codebase."""
    return json.loads(gzip.decompress((DATA / "ugly.json.gz").read_bytes()))


@pytest.fixture(scope="session")
def ugly_store(ugly_lines: Path) -> Path:
    database = ugly_lines.with_name("ugly.sqlite")
    build(ugly_lines, database, about=ABOUT)
    return database


@pytest.fixture
def ugly(ugly_store: Path) -> Iterator[Report]:
    """The report of the ugly codebase."""
    with Report(ugly_store) as report:
        yield report


@pytest.fixture
def report_of(tmp_path: Path) -> Iterator[Callable[..., Report]]:
    """Build and open the report of some "files" items; ``parts`` are the other parts of ScanCode's output."""
    opened = []

    def open_report(files: Iterable[dict[str, Any]], **parts: Any) -> Report:
        lines = scans.write_lines(tmp_path / "report.jsonl", scans.lines(files, **parts))
        build(lines, tmp_path / "report.sqlite", about={"title": "made up"})
        opened.append(Report(tmp_path / "report.sqlite"))
        return opened[-1]

    yield open_report
    for report in opened:
        report.close()


@pytest.fixture(scope="session")
def large_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 50,000 files."""
    return scans.build_large(tmp_path_factory.mktemp("large"))
