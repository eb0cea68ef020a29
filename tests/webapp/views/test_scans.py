"""What becomes of a scan after it was submitted: failing, trying again, cancelling, deleting."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.builders import a_report, a_scan, with_report
from tests.webapp.submitting import URL, only_scan, submit
from webapp.extensions import db
from webapp.models import State
from webapp.results import storage

UNDER_WAY = [State.QUEUED, State.FETCHING, State.UNPACKING, State.SCANNING, State.ASSEMBLING]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_buttons_without_their_token_change_nothing(app: Flask, client: FlaskClient, action: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    scan = a_scan(State.FAILED if action == "retry" else State.QUEUED)
    before = scan.state

    response = client.post(f"/scans/{scan.token}/{action}")

    db.session.refresh(scan)
    assert response.status_code == 400
    assert scan.state is before


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


def test_who_is_over_the_limit_keeps_what_was_typed_and_learns_when_to_come_back(
    app: Flask, client: FlaskClient
) -> None:
    app.config["RATE_SUBMIT"] = "1 per hour"
    typed, stranger = {"url": "https://example.org/typed.zip"}, {"REMOTE_ADDR": "203.0.113.9"}

    first, second = (client.post("/scans", data=typed, environ_overrides=stranger) for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 429)
    assert "https://example.org/typed.zip" in second.text
    assert "That was a lot of scans at once" in second.text
    # An hour, rounded up to whole seconds at both ends.
    assert 3_500 < int(second.headers["Retry-After"]) <= 3_602


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
