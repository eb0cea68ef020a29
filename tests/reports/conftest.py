"""Reports to ask: ScanCode's own of the ugly codebase, and a large one that was made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.store import Report, build
from tests.naughty import NAUGHTY
from tests.reports import scans
from tests.reports.scans import file, folder

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


@pytest.fixture
def hostile(report_of: Callable[..., Report]) -> Report:
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


@pytest.fixture(scope="session")
def naughty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a report that has each of the naughty texts in every place."""
    items, packages, needs = [folder("root")], [], []
    for number, text in enumerate(NAUGHTY):
        path = f"root/{text.replace('/', '_') or 'nothing'}"
        found = {f"{kind}s": [{kind: text, "start_line": 1, "end_line": 1}] for kind in ("author", "email", "url")}
        # Without licences, which the SPDX tools take long to read, and which are ScanCode's own words.
        owner = scans.package(
            text,
            path,
            None,
            description=text,
            version=text,
            holder=text,
            homepage_url=text,
            extracted_license_statement=text,
            purl=f"pkg:npm/{text}@1",
            package_uid=f"pkg:npm/{text}@1?uuid={number}",
        )
        items.append(
            file(path, None, holders=[text], scan_errors=[text], programming_language=text, mime_type=text, **found)
            | {"for_packages": [owner["package_uid"]]}
        )
        packages.append(owner)
        needs.append(scans.dependency(f"pkg:npm/{text}@2", owner, extracted_requirement=text, scope=text))
    place = tmp_path_factory.mktemp("naughty")
    parts = {"packages": packages, "dependencies": needs, "summary": {"declared_holder": " ".join(NAUGHTY)}}
    written = scans.write_lines(place / "report.jsonl", scans.lines(items, **parts))
    build(written, place / "report.sqlite", about={"title": " ".join(NAUGHTY), "source": {"url": NAUGHTY[0]}})
    return place / "report.sqlite"


@pytest.fixture
def naughty(naughty_store: Path) -> Iterator[Report]:
    """The report of the naughty texts."""
    with Report(naughty_store) as report:
        yield report


@pytest.fixture(params=["ugly", "hostile", "naughty"])
def report(request: pytest.FixtureRequest) -> Report:
    """All three: what ScanCode really writes, the worst that it could, and what has broken other programs."""
    return request.getfixturevalue(request.param)
