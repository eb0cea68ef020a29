"""The page of a scan that is not over, and its status as JSON."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks import scans as tasks
from tests.webapp.builders import a_batch, a_scan
from tests.webapp.submitting import URL
from webapp.extensions import db
from webapp.models import State, now

UNDER_WAY = [State.QUEUED, State.FETCHING, State.UNPACKING, State.SCANNING, State.ASSEMBLING]
KEYS = {
    "state",
    "position",
    "bytes_done",
    "bytes_total",
    "files_done",
    "files_total",
    "eta_seconds",
    "error",
    "updated_at",
}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.QUEUED, "Next in the queue"),
        (State.FETCHING, "29 kB of 58 kB"),
        (State.UNPACKING, "Opening 29 kB"),
        (State.SCANNING, "9 of 16 files"),
        (State.ASSEMBLING, "All 16 files are scanned"),
    ],
)
def test_the_waiting_page_says_where_the_scan_stands(client: FlaskClient, state: State, words: str) -> None:
    scan = a_scan(state, bytes_done=29_000, bytes_total=58_000)
    if state is State.SCANNING:
        a_batch(scan, files_done=9)

    page = client.get(f"/scans/{scan.token}").text

    assert words in " ".join(page.split())
    assert URL.replace("/", "/<wbr>") in page
    assert "Submitted" in page
    assert "the link stays valid for 90 days" in " ".join(page.split())
    assert '<noscript><meta http-equiv="refresh"' in page
    assert f'hx-get="/scans/{scan.token}/progress"' in page


def test_the_waiting_page_hides_half_of_the_mail_address(client: FlaskClient) -> None:
    scan = a_scan(address="marianne@example.org")

    page = client.get(f"/scans/{scan.token}").text

    assert "m••@example.org" in page
    assert "marianne" not in page


@pytest.mark.parametrize(("server", "said"), [("", True), ("127.0.0.1", False)])
def test_the_page_says_when_mails_are_only_kept(app: Flask, client: FlaskClient, server: str, said: bool) -> None:
    app.config["MAIL_SERVER"] = server
    scan = a_scan(address="ada@example.org")

    pages = client.get(f"/scans/{scan.token}").text, client.get("/").text

    assert all(("outbox" in page) is said for page in pages)


def test_the_title_tells_how_far_it_is(client: FlaskClient) -> None:
    scan = a_scan(State.SCANNING)
    a_batch(scan, files_done=4)

    page = client.get(f"/scans/{scan.token}").text
    fragment = client.get(f"/scans/{scan.token}/progress").text

    assert "<title>25 % · app-1.0.tar.gz · Scanpost</title>" in page
    assert "<title>25 % · app-1.0.tar.gz · Scanpost</title>" in fragment


def test_licences_are_shown_as_they_are_found(client: FlaskClient) -> None:
    scan = a_scan(State.SCANNING, files_total=32)
    a_batch(scan, files_done=4, found={"MIT": 3, "<b>": 1})
    a_batch(scan, number=1, files_done=4, found={"MIT": 4})

    page = " ".join(client.get(f"/scans/{scan.token}").text.split())

    assert "MIT (7 files), &lt;b&gt; (1 file)" in page


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_page_that_shows_the_newest_is_told_nothing(client: FlaskClient, state: State) -> None:
    scan = a_scan(state)
    first = client.get(f"/scans/{scan.token}/progress")
    shown = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', first.text))

    second = client.get(f"/scans/{scan.token}/progress", query_string=shown)
    scan.title = "a better name"
    db.session.commit()
    third = client.get(f"/scans/{scan.token}/progress", query_string=shown)

    assert (first.status_code, second.status_code, third.status_code) == (200, 204, 200)
    assert "a better name" in third.text


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_polling_ends_with_the_scan(client: FlaskClient, state: State) -> None:
    scan = a_scan(state)

    response = client.get(f"/scans/{scan.token}/progress")

    assert response.status_code == 286
    assert response.headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    "query",
    ["files=x&due=y", "due=nan", "due=inf", "due=-1e999", "files=-5", "files=99999999999", "version=" + "x" * 3000],
)
def test_no_answer_depends_on_what_a_page_says_that_it_shows(client: FlaskClient, query: str) -> None:
    scan = a_scan(State.SCANNING, scanning_at=now() - timedelta(seconds=30))
    a_batch(scan, files_done=8)

    response = client.get(f"/scans/{scan.token}/progress?{query}")

    assert response.status_code == 200
    assert "left" in response.text
    assert "nan" not in response.text
    assert "inf" not in response.text


@pytest.mark.parametrize("state", list(State))
def test_the_status_has_all_its_names_in_every_state(client: FlaskClient, state: State) -> None:
    scan = a_scan(state, error="Broken." if state is State.FAILED else None)

    status = client.get(f"/scans/{scan.token}/status.json").json

    assert set(status) == KEYS
    assert status["state"] == state.value
    assert status["error"] == ("Broken." if state is State.FAILED else None)
    assert status["updated_at"].endswith("+00:00")


def test_the_status_counts(client: FlaskClient) -> None:
    scan = a_scan(State.SCANNING, files_total=32, scanning_at=now() - timedelta(seconds=60))
    a_batch(scan, files_done=16)
    a_batch(scan, number=1, files_done=0)

    status = client.get(f"/scans/{scan.token}/status.json").json

    assert (status["files_done"], status["files_total"], status["bytes_done"]) == (16, 32, 58_000)
    assert 60 <= status["eta_seconds"] <= 70


def test_places_in_the_queue_are_told(client: FlaskClient) -> None:
    scans = [tasks.submit(f"{URL}?{number}", None, f"client {number}") for number in range(3)]

    positions = [client.get(f"/scans/{scan.token}/status.json").json["position"] for scan in scans]

    assert positions == [1, 2, 3]
    assert "Number 3 in the queue" in client.get(f"/scans/{scans[2].token}").text
