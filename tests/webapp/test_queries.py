"""No answer takes more statements because a report has more files."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from reports.listing import FACETS
from tests.reports.scans import build_large
from tests.webapp.builders import a_scan
from tests.webapp.queries import LARGE_PAGES, counted_statements
from webapp.extensions import db
from webapp.models import Scan, State
from webapp.results import STORE, storage

#: The most statements that one answer may take, of the database and of the report together.
MOST = 25


@pytest.fixture
def reports(client: FlaskClient, tmp_path: Path) -> list[Scan]:
    """The same report of 60 and of 2,500 files."""
    found = []
    for files in (60, 2500):
        scan = a_scan(State.DONE)
        scan.report = f"{scan.prefix}/report-1"
        db.session.commit()
        storage().put(f"{scan.report}/{STORE}", build_large(tmp_path, files))
        found.append(scan)
    return found


def test_a_page_takes_as_many_statements_however_large_the_report(client: FlaskClient, reports: list[Scan]) -> None:
    counts: dict[str, list[int]] = {name: [] for name in LARGE_PAGES}
    for scan in reports:
        for name, page in LARGE_PAGES.items():
            with counted_statements() as statements:
                assert client.get(f"/scans/{scan.token}{page}").status_code == 200, name
            counts[name].append(len(statements))

    assert {name: found for name, found in counts.items() if found[1] > MOST} == {}
    # Facets are counted in one of two ways, and the one for many files asks for each kind by itself.
    assert {name: found for name, found in counts.items() if found[1] - found[0] > len(FACETS)} == {}
    assert all(found[0] > 0 for found in counts.values())
