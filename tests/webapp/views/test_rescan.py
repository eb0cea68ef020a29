"""A scan of the same thing again: a page of its own, and each of the two names the other."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tasks import sweep
from tests.webapp.builders import a_report, a_scan
from webapp.extensions import db
from webapp.models import Scan, State

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def rescan(client: FlaskClient, scan: Scan) -> Scan:
    response = client.post(f"/scans/{scan.token}/rescan")
    assert response.status_code == 303
    again = db.session.scalars(select(Scan).order_by(Scan.id.desc())).first()
    assert again is not None
    assert response.location == f"/scans/{again.token}"
    return again


def page_of(client: FlaskClient, scan: Scan) -> str:
    return " ".join(client.get(f"/scans/{scan.token}").text.split())


def test_what_was_scanned_can_be_scanned_again(client: FlaskClient) -> None:
    scan = a_report(scan={"address": "ada@example.org", "asked": "https://example.org/app.zip"})

    again = rescan(client, scan)

    assert again.id != scan.id
    assert (again.asked, again.state, again.address) == (scan.asked, State.QUEUED, None)


@pytest.mark.parametrize("state", [State.SCANNING, State.FAILED, State.DONE])
def test_each_page_leads_to_the_other(client: FlaskClient, state: State) -> None:
    scan = a_report(scan={"created_at": WHEN})
    again = rescan(client, scan)
    again.state, again.finished_at, again.error = state, WHEN, "Broken."
    again.report = scan.report
    db.session.commit()

    old, new = page_of(client, scan), page_of(client, again)

    assert f'Scanned again: <a href="/scans/{scan.token}">earlier scan of' in new
    assert "1 Mar 2026" in new
    assert "newer scan" not in new
    assert f'There is a <a href="/scans/{again.token}">newer scan of' in old
    assert ("which is under way" in old, "which failed" in old) == (state is State.SCANNING, state is State.FAILED)


def test_the_newest_of_several_is_named(client: FlaskClient) -> None:
    scan = a_report()
    rescan(client, scan)
    newest = rescan(client, scan)

    page = page_of(client, scan)

    assert page.count("newer scan") == 1
    assert newest.token in page


def test_a_scan_whose_earlier_one_was_removed_keeps_its_page(client: FlaskClient) -> None:
    scan = a_report()
    again = rescan(client, scan)
    token = scan.token

    sweep.remove(scan)

    page = page_of(client, again)
    assert "the earlier scan has been removed since" in page
    assert token not in page


def test_a_scan_of_its_own_names_no_other(client: FlaskClient) -> None:
    page = page_of(client, a_report())

    assert "earlier scan" not in page
    assert "newer scan" not in page


def test_what_was_sent_is_scanned_again_from_what_was_kept(client: FlaskClient) -> None:
    client.post(
        "/other-ways/upload",
        data={"upload-files": (io.BytesIO(b"# License: MIT"), "main.py")},
        content_type="multipart/form-data",
    )
    scan = db.session.scalars(select(Scan)).one()
    scan.state = State.CANCELLED
    db.session.commit()

    again = rescan(client, scan)

    assert again.source == scan.source
    assert (again.title, again.bytes_done) == ("main.py", 14)


def test_what_can_no_longer_be_scanned_is_refused_with_a_sentence(client: FlaskClient) -> None:
    scan = a_scan(State.FAILED, asked="gopher://example.org/x")

    response = client.post(f"/scans/{scan.token}/rescan")

    assert response.status_code == 409
    assert "Traceback" not in response.text
    assert "http" in response.text
