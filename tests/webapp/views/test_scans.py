from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tasks import scans as tasks
from tests.webapp.builders import a_batch, a_report, a_scan, with_report
from webapp.extensions import db
from webapp.models import Scan, State, now
from webapp.results import storage

URL = "https://example.org/app-1.0.tar.gz"
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


def submit(client: FlaskClient, **fields: str) -> TestResponse:
    return client.post("/scans", data={"url": URL, "email": "", **fields})


def only_scan() -> Scan | None:
    return db.session.scalar(select(Scan))


def error_at(field: str, page: str) -> str:
    """Return what the page says is wrong with a field, if it says so where screen readers find it."""
    if f'aria-describedby="{field}-error' not in page:
        return ""
    found = re.search(rf'<p class="field-error" id="{field}-error">(.*?)</p>', page, re.DOTALL)
    return found[1] if found else ""


def test_a_submission_leads_to_its_page(client: FlaskClient) -> None:
    response = submit(client, email=" ada@EXAMPLE.org ")

    scan = only_scan()
    assert scan is not None
    assert response.status_code == 303
    assert response.location == f"/scans/{scan.token}"
    assert (scan.asked, scan.address, scan.state) == (URL, "ada@example.org", State.QUEUED)
    assert len(scan.token) >= 22


def test_white_space_around_the_address_does_not_count(client: FlaskClient) -> None:
    submit(client, url=f" \t{URL}\n ")

    scan = only_scan()
    assert scan is not None
    assert scan.asked == URL
    assert scan.address is None


@pytest.mark.parametrize(
    "url",
    ["", "   ", "hello", "ftp://example.org/x", "file:///etc/passwd", "javascript:alert(1)", "https://u:p@example.org/",
     "http://", "https://exa mple.org/x", f"https://example.org/{'x' * 2000}", "https://[::1/x", "\x00", "https://\udcff"],
)  # fmt: skip
def test_an_address_that_cannot_be_scanned_is_refused_at_its_field(client: FlaskClient, url: str) -> None:
    response = submit(client, url=url.encode("utf-8", "replace").decode(), email="ada@example.org")

    assert response.status_code == 422
    assert error_at("url", response.text).endswith(".")
    assert not error_at("email", response.text)
    assert 'value="ada@example.org"' in response.text
    assert only_scan() is None


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@example.org", "a b@example.org", "ada@example", "ada@example.org\r\nBcc: eve@example.org",
     "ada@example.org, eve@example.org", "ada@[127.0.0.1]", f"{'a' * 300}@example.org", "ada@exa\x00mple.org",
     '"<script>"@x.org'],
)  # fmt: skip
def test_a_bad_mail_address_is_refused_at_its_field(client: FlaskClient, email: str) -> None:
    response = submit(client, email=email)

    assert response.status_code == 422
    assert error_at("email", response.text)
    assert not error_at("url", response.text)
    assert f'value="{URL}"' in response.text
    assert only_scan() is None


def test_what_was_typed_comes_back_as_text(client: FlaskClient) -> None:
    response = submit(client, url='"><script>alert(1)</script>', email='"><script>alert(2)</script>')

    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text


def test_a_full_queue_keeps_what_was_typed(app: Flask, client: FlaskClient) -> None:
    app.config["QUEUE_LIMIT"] = 1
    submit(client)

    response = submit(client, url="https://example.org/second.zip", email="ada@example.org")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert 'value="https://example.org/second.zip"' in response.text
    assert 'value="ada@example.org"' in response.text


def test_a_form_without_its_token_is_returned_with_what_was_typed(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True

    response = submit(client, email="ada@example.org")

    assert response.status_code == 400
    assert "open for too long" in response.text
    assert f'value="{URL}"' in response.text
    assert only_scan() is None


def test_the_form_on_the_start_page_is_accepted_with_its_token(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/").text)
    assert token is not None

    response = submit(client, csrf_token=token[1])

    assert response.status_code == 303


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_buttons_without_their_token_change_nothing(app: Flask, client: FlaskClient, action: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    scan = a_scan(State.FAILED if action == "retry" else State.QUEUED)
    before = scan.state

    response = client.post(f"/scans/{scan.token}/{action}")

    db.session.refresh(scan)
    assert response.status_code == 400
    assert scan.state is before


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


def test_a_failed_scan_says_why_and_what_to_do(client: FlaskClient) -> None:
    scan = a_scan(
        State.FAILED, error="It answered <404>.", error_code="http-status", advice="Check the address.", asked=URL
    )

    page = client.get(f"/scans/{scan.token}").text

    assert "We could not fetch this." in page
    assert "It answered &lt;404&gt;." in page
    assert "Check the address." in page
    assert f'action="/scans/{scan.token}/retry"' in page
    assert "/?url=https://example.org/app-1.0.tar.gz" in page


def test_an_unheard_of_failure_has_a_page_too(client: FlaskClient) -> None:
    scan = a_scan(State.FAILED, error="Broken.", error_code="something-new")

    assert "This scan broke off." in client.get(f"/scans/{scan.token}").text


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_scan_without_a_report_can_be_tried_again_on_the_same_page(client: FlaskClient, state: State) -> None:
    scan = a_scan(state, error="Broken.")

    response = client.post(f"/scans/{scan.token}/retry")

    db.session.refresh(scan)
    assert (response.status_code, response.location) == (303, f"/scans/{scan.token}")
    assert (scan.state, scan.error) == (State.QUEUED, None)


def test_trying_again_counts_like_a_submission(app: Flask, client: FlaskClient) -> None:
    app.config["RATE_SUBMIT"] = "1 per hour"
    scan = a_scan(State.FAILED, error="Broken.")
    stranger = {"REMOTE_ADDR": "203.0.113.9"}

    answers = [client.post(f"/scans/{scan.token}/retry", environ_overrides=stranger).status_code for _ in range(2)]

    assert answers == [303, 429]


def test_trying_again_needs_room_in_the_queue(app: Flask, client: FlaskClient) -> None:
    app.config["QUEUE_LIMIT"] = 0
    scan = a_scan(State.FAILED, error="Broken.")

    response = client.post(f"/scans/{scan.token}/retry")

    db.session.refresh(scan)
    assert (response.status_code, scan.state) == (503, State.FAILED)


def test_a_finished_scan_is_not_tried_again(client: FlaskClient) -> None:
    scan = a_report()

    client.post(f"/scans/{scan.token}/retry")
    client.post(f"/scans/{scan.token}/cancel")

    db.session.refresh(scan)
    assert scan.state is State.DONE


@pytest.mark.parametrize("state", UNDER_WAY)
def test_a_scan_under_way_can_be_cancelled(client: FlaskClient, state: State) -> None:
    scan = a_scan(state)

    response = client.post(f"/scans/{scan.token}/cancel")

    db.session.refresh(scan)
    assert (response.status_code, response.location) == (303, f"/scans/{scan.token}")
    assert scan.state is State.CANCELLED
    assert "This scan was cancelled." in client.get(f"/scans/{scan.token}").text


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


@pytest.mark.parametrize("part", ["", "/progress", "/status.json", "/report.json", "/files", "/about"])
def test_an_unknown_scan_is_not_found(client: FlaskClient, part: str) -> None:
    response = client.get(f"/scans/AAAAAAAAAAAAAAAAAAAAAA{part}")

    assert response.status_code == 404
    assert "Was the link copied whole?" in (response.json["error"] if part.endswith(".json") else response.text)


def test_nobody_is_shown_a_list_of_scans(client: FlaskClient) -> None:
    scan = a_scan()

    for address in ("/", "/scans", "/scans/", "/how-it-works"):
        assert scan.token not in client.get(address, follow_redirects=True).text


def test_a_visitor_can_delete_a_scan_of_their_own(client: FlaskClient) -> None:
    submit(client)
    scan = only_scan()
    assert scan is not None
    with_report(scan)
    scan.state = State.DONE
    db.session.commit()

    asked = client.get(f"/scans/{scan.token}/delete")
    deleted = client.post(f"/scans/{scan.token}/delete")

    assert f'action="/scans/{scan.token}/delete"' in asked.text
    assert "It is deleted." in deleted.text
    assert client.get(f"/scans/{scan.token}").status_code == 404
    assert storage().size(scan.prefix) == 0


def test_others_cannot_delete_a_scan(app: Flask, client: FlaskClient) -> None:
    submit(client)
    scan = only_scan()
    assert scan is not None
    client.post(f"/scans/{scan.token}/cancel")

    answers = [app.test_client().open(f"/scans/{scan.token}/delete", method=method) for method in ("GET", "POST")]
    page = app.test_client().get(f"/scans/{scan.token}").text

    assert [answer.status_code for answer in answers] == [403, 403]
    assert only_scan() is not None
    assert "/delete" not in page


def test_a_scan_under_way_is_not_deleted(client: FlaskClient) -> None:
    submit(client)
    scan = only_scan()
    assert scan is not None

    response = client.post(f"/scans/{scan.token}/delete")

    assert response.status_code == 403
    assert "cancel it first" in response.text
    assert only_scan() is not None


def test_a_cookie_of_many_scans_still_fits(client: FlaskClient) -> None:
    with client.session_transaction() as session:
        session["scans"] = [f"{number:022}" for number in range(200)]

    response = submit(client)

    assert len(response.headers["Set-Cookie"]) < 4000
