"""Whoever watches the site is told what is wrong with it, and nobody else is."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.operations import OFFERS, a_worker, forget, migrated
from webapp import readiness
from webapp.extensions import db

OUTSIDE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def ready(app: Flask) -> None:
    """A site with all that a scan needs."""
    migrated()
    a_worker()


def reasons(client: FlaskClient) -> dict[str, str]:
    """Return why the parts that cannot be used cannot be."""
    checks = client.get("/readyz").json["checks"]  # type: ignore[index]
    return {name: check["why"] for name, check in checks.items() if not check["ok"]}


def test_a_process_is_alive_although_its_database_is_gone(app: Flask, client: FlaskClient) -> None:
    db.engine.dispose()
    shutil.rmtree(app.config["INSTANCE"])

    response = client.get("/healthz")

    assert (response.status_code, response.text) == (200, "ok\n")


def test_a_site_with_all_it_needs_is_ready(ready: None, client: FlaskClient) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json["ready"]  # type: ignore[index]
    assert not reasons(client)
    assert response.headers["Cache-Control"] == "no-store"


def test_it_says_what_the_kernels_of_the_workers_offer(ready: None, client: FlaskClient) -> None:
    a_worker(name="old:1:ab", offers={"landlock": 0, "network_namespace": False, "seccomp": True, "git": False})

    sandboxes = client.get("/readyz").json["sandboxes"]  # type: ignore[index]

    assert {**OFFERS, "missing": []} in sandboxes
    (poor,) = (sandbox for sandbox in sandboxes if not sandbox["landlock"])
    assert any("Landlock" in sentence for sentence in poor["missing"])
    assert any("git" in sentence for sentence in poor["missing"])


def test_no_worker_is_a_reason(app: Flask, client: FlaskClient) -> None:
    migrated()

    assert client.get("/readyz").status_code == 503
    assert "none was ever seen" in reasons(client)["worker"]


def test_a_worker_that_fell_silent_is_a_reason(app: Flask, client: FlaskClient) -> None:
    migrated()
    a_worker(silent=100)

    assert "100 seconds ago" in reasons(client)["worker"]


def test_an_engine_that_is_down_is_a_reason(app: Flask, client: FlaskClient) -> None:
    migrated()
    a_worker(engine=None)

    assert "engine" in reasons(client)["worker"]


@pytest.mark.parametrize(
    ("revision", "words"), [("0001", "run `flask --app wsgi db upgrade`"), ("9999", "newer than this code")]
)
def test_another_revision_is_a_reason(ready: None, client: FlaskClient, revision: str, words: str) -> None:
    migrated(revision)

    assert words in reasons(client)["migrations"]


def test_a_database_without_tables_is_a_reason(app: Flask, client: FlaskClient) -> None:
    assert "no tables yet" in reasons(client)["migrations"]


def test_a_full_disk_is_a_reason(ready: None, app: Flask, client: FlaskClient) -> None:
    app.config["DISK_RESERVE"] = 10**18

    assert "must stay free" in reasons(client)["disk"]


def test_the_full_disk_of_a_worker_is_a_reason(ready: None, app: Flask, client: FlaskClient) -> None:
    app.config["DISK_RESERVE"] = 1000
    a_worker(name="full:1:ab", disk_free=10)

    assert "disk" in reasons(client)


def test_a_storage_that_cannot_be_written_is_a_reason(ready: None, app: Flask, client: FlaskClient) -> None:
    Path(app.config["STORAGE_URL"]).rmdir() if os.path.isdir(app.config["STORAGE_URL"]) else None
    Path(app.config["STORAGE_URL"]).write_text("a file is no folder")

    assert "storage" in reasons(client)


def test_a_queue_that_is_away_is_a_reason(ready: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.queue import open_queue, queue

    monkeypatch.setattr(queue, "storage", open_queue("redis://:geheim@127.0.0.1:1", "x"))

    assert "queue" in reasons(client)


def test_a_database_that_is_away_is_a_reason_and_names_no_host(
    ready: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import create_engine

    away = create_engine("postgresql+psycopg://me:geheim@127.0.0.1:1/x")
    monkeypatch.setitem(db._app_engines[client.application], None, away)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert "database" in reasons(client)
    assert "geheim" not in response.text
    assert "127.0.0.1" not in response.text


@pytest.mark.timeout(60)
def test_servers_that_take_connections_and_never_answer_are_reasons(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import config
    from tasks.queue import open_queue, queue
    from webapp import create_app

    monkeypatch.setattr(readiness, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = hanging.getsockname()[1]
        app = create_app(config.load({**environment, "DATABASE_URL": f"postgresql://127.0.0.1:{port}/x"}))
        monkeypatch.setattr(queue, "storage", open_queue(f"redis://127.0.0.1:{port}", "x"))
        found = reasons(app.test_client())

    assert "no answer" in found["database"]
    assert "no answer" in found["queue"]
    assert "see database" in found["migrations"]
    assert "storage" not in found


def test_a_part_that_hangs_is_not_asked_again_meanwhile(
    ready: None, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = [], threading.Event()

    def hang() -> tuple[bool, str]:
        asked.append(1)
        return over.wait(30), "It answers."

    monkeypatch.setattr(readiness, "PATIENCE", 0.1)
    monkeypatch.setitem(readiness.CHECKS, "queue", hang)
    for _ in range(3):
        assert "queue" in reasons(client)
        client.application.extensions["readiness"].at = float("-inf")
    over.set()

    assert len(asked) == 1


def test_the_storage_is_left_as_it_was(ready: None, app: Flask, client: FlaskClient) -> None:
    client.get("/readyz")

    assert list(Path(app.config["STORAGE_URL"]).rglob("*")) == []


def test_many_questions_cost_one_answer(ready: None, client: FlaskClient, app: Flask) -> None:
    before = client.get("/readyz").json
    app.config["DISK_RESERVE"] = 10**18

    assert client.get("/readyz").json == before

    forget()
    assert client.get("/readyz").status_code == 503


def test_strangers_learn_that_the_site_is_ready_but_not_why(ready: None, client: FlaskClient) -> None:
    response = client.get("/readyz", environ_overrides=OUTSIDE)

    assert response.status_code == 200
    assert "why" not in response.text
    assert "landlock" not in response.text


def test_strangers_get_no_metrics(ready: None, client: FlaskClient) -> None:
    assert client.get("/metrics", environ_overrides=OUTSIDE).status_code == 403
    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_a_proxy_that_is_not_trusted_does_not_make_a_stranger_local(
    ready: None, client: FlaskClient, header: str
) -> None:
    assert client.get("/metrics", headers={header: "203.0.113.9"}).status_code == 403


def test_who_has_the_token_gets_metrics_from_anywhere(ready: None, app: Flask, client: FlaskClient) -> None:
    app.config["METRICS_TOKEN"] = "a-long-token"

    def ask(authorization: str) -> int:
        headers = {"Authorization": authorization}
        return client.get("/metrics", headers=headers, environ_overrides=OUTSIDE).status_code

    assert ask("Bearer a-long-token") == 200
    assert ask("Bearer a-wrong-token") == 403
    assert ask("Basic a-long-token") == 403
    assert ask("Bearer ") == 403


def test_an_empty_token_opens_nothing(ready: None, client: FlaskClient) -> None:
    response = client.get("/metrics", headers={"Authorization": "Bearer "}, environ_overrides=OUTSIDE)

    assert response.status_code == 403


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_allowed_networks_get_metrics(environment: dict[str, str], address: str) -> None:
    import config
    from webapp import create_app

    app = create_app(config.load({**environment, "METRICS_NETWORKS": "10.0.0.0/8"}))
    with app.app_context():
        db.create_all()
        client = app.test_client()

        assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": address}).status_code == 200
        assert client.get("/metrics", environ_overrides={"REMOTE_ADDR": "127.0.0.1"}).status_code == 403
        db.session.remove()
        db.engine.dispose()
