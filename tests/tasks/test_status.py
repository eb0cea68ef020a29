"""A worker's sign of life is there while it lives, and says what must be known of its machine."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

from scanner import sandbox
from tasks import status
from webapp import counters
from webapp.extensions import db, writing
from webapp.models import Counter, Worker, clock


def expire(seconds: float) -> None:
    with writing() as session:
        session.execute(update(Worker).values(seen_at=clock() - seconds))


def test_a_sign_of_life_is_seen(app: Flask) -> None:
    status.SignOfLife(app).give(engine="32.5.0", engine_starts=1)

    (worker,) = status.living()
    assert worker.engine == "32.5.0"
    assert worker.slots == app.config["SCAN_PROCESSES"]
    assert abs(worker.clock_off) < 5
    assert worker.disk_free > 0
    assert worker.offers["landlock"] == sandbox.capabilities().landlock


def test_it_is_renewed_and_not_doubled(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "EVERY", 0)
    sign = status.SignOfLife(app)
    sign.give(engine="32.5.0", engine_starts=1)
    expire(20)

    sign.give(engine=None, engine_starts=2)

    (worker,) = status.living()
    assert (worker.engine, worker.engine_starts) == (None, 2)
    assert (status.last_seen() or 0.0) < 10


def test_signs_too_close_to_each_other_cost_nothing(app: Flask) -> None:
    sign = status.SignOfLife(app)
    sign.give(engine="32.5.0", engine_starts=1)

    sign.give(engine="32.5.0", engine_starts=2)

    assert status.living()[0].engine_starts == 1


def test_silence_is_death(app: Flask) -> None:
    status.SignOfLife(app).give(engine="32.5.0", engine_starts=1)
    expire(status.SILENCE + 1)

    assert status.living() == []
    assert (status.last_seen() or 0.0) > status.SILENCE


def test_a_worker_that_stops_takes_its_sign_with_it(app: Flask) -> None:
    sign = status.SignOfLife(app)
    sign.give(engine="32.5.0", engine_starts=1)

    sign.end()

    assert status.last_seen() is None


def test_the_dead_are_forgotten_by_the_living(app: Flask) -> None:
    status.SignOfLife(app).give(engine="32.5.0", engine_starts=1)
    expire(status.FORGOTTEN + 1)

    status.SignOfLife(app).give(engine="32.5.0", engine_starts=1)

    assert db.session.query(Worker).count() == 1


def test_a_database_that_is_away_stops_no_worker(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    sign = status.SignOfLife(app)
    monkeypatch.setattr(sign, "_database", None)

    sign.give(engine="32.5.0", engine_starts=1)
    sign.end()


def test_other_settings_are_noticed_and_not_told(app: Flask) -> None:
    status.SignOfLife(app).give(engine="32.5.0", engine_starts=1)
    (worker,) = status.living()
    assert status.disagreements(worker) == []

    app.config["BASE_URL"] = "https://other.example"
    assert status.disagreements(worker) == ["BASE_URL"]

    app.config["SECRET_KEY"] = "another" * 10
    assert status.disagreements(worker) == ["SECRET_KEY"]
    assert "other.example" not in str(worker.settings)


def test_what_a_worker_of_another_version_offers_is_not_guessed(app: Flask) -> None:
    (sentence,) = status.missing(Worker(offers={"landlock": 6}))

    assert "another version" in sentence


def test_counters_add_up_on_each_kind_of_database(app: Flask) -> None:
    counters.note({("files", "scanned"): 2, ("files", "known"): 1})
    with writing() as session:
        counters.add(session, {("files", "scanned"): 3})

    rows = {(row.name, row.label): row.value for row in db.session.query(Counter)}
    assert rows == {("files", "scanned"): 5, ("files", "known"): 1}
