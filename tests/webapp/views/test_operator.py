"""The operator's page: for who knows the password, and without anything that opens a report."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tasks import jobs
from tasks.work import ring
from tests.webapp.builders import a_batch, a_scan
from tests.webapp.operations import a_worker, migrated
from webapp.models import State

PASSWORD = "correct horse battery"
OUTSIDE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "OPERATOR_PASSWORD": PASSWORD}


def page(client: FlaskClient, password: str = PASSWORD) -> str:
    return client.get("/operator", auth=("operator", password)).text


def test_there_is_no_page_without_the_setting(app: Flask, client: FlaskClient) -> None:
    app.config["OPERATOR_PASSWORD"] = ""

    assert client.get("/operator").status_code == 404
    assert client.get("/operator", auth=("operator", "")).status_code == 404


@pytest.mark.parametrize("auth", [None, ("operator", ""), ("operator", "wrong"), ("operator", PASSWORD + "x")])
def test_it_asks_for_the_password(client: FlaskClient, auth: tuple[str, str] | None) -> None:
    response = client.get("/operator", auth=auth)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert "Workers" not in response.text


def test_wrong_passwords_are_soon_refused(client: FlaskClient) -> None:
    answers = [
        client.get("/operator", auth=("operator", str(number)), environ_overrides=OUTSIDE).status_code
        for number in range(11)
    ]

    assert answers == [401] * 10 + [429]
    assert client.get("/operator", auth=("operator", PASSWORD), environ_overrides=OUTSIDE).status_code == 429


def test_the_right_password_is_never_refused(client: FlaskClient) -> None:
    migrated()

    assert {client.get("/operator", auth=("me", PASSWORD)).status_code for _ in range(12)} == {200}


def test_it_shows_what_runs_waits_and_failed(client: FlaskClient) -> None:
    migrated()
    a_worker(settings={}, offers={"landlock": 0, "network_namespace": True, "seccomp": True, "git": True})
    a_scan(State.QUEUED)
    scanning = a_scan(State.SCANNING)
    a_batch(scanning)
    jobs.claim_batch()
    failed = a_scan(State.FAILED, error_code="http-status", error="The server answered 418.")
    ring()

    text = page(client)

    assert "machine:42:abcd" in text
    assert "Landlock is missing" in text
    assert "SECRET_KEY" in text
    assert scanning.token[:8] in text
    assert "scanning: 0 of 16 files" in text
    assert failed.token[:8] in text
    assert "The server answered 418." in text
    assert "<code>work</code>" in text
    # Whoever looks over the operator's shoulder must not be able to read the reports.
    assert scanning.token not in text
    assert failed.token not in text


def test_it_is_kept_out_of_caches_and_search_engines(client: FlaskClient) -> None:
    migrated()
    headers = client.get("/operator", auth=("operator", PASSWORD)).headers

    assert "noindex" in headers["X-Robots-Tag"]
    assert "private" in headers["Cache-Control"]


def test_it_works_before_there_are_tables(client: FlaskClient) -> None:
    assert "no tables yet" in page(client)


def test_it_works_without_the_queue(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.queue import open_queue, queue

    migrated()
    monkeypatch.setattr(queue, "storage", open_queue("redis://127.0.0.1:1", "x"))

    assert "The queue cannot be asked." in page(client)
