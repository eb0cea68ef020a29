"""What the tests of the operator's side share: a living worker, and a database that says that it is migrated."""

from __future__ import annotations

from typing import Any

from flask import current_app
from sqlalchemy import select, text

from tasks import status
from webapp import readiness
from webapp.extensions import db, writing
from webapp.models import Worker, clock, now

OFFERS = {"landlock": 6, "network_namespace": True, "seccomp": True, "git": True}


def a_worker(*, silent: float = 0.0, **values: Any) -> Worker:
    """Store the sign of life of a worker that was seen ``silent`` seconds ago."""
    moment = db.session.scalar(select(clock())) or 0.0
    defaults: dict[str, Any] = {
        "name": "machine:42:abcd",
        "started_at": now(),
        "seen_at": moment - silent,
        "clock_off": 0.0,
        "slots": 2,
        "engine": "32.5.0",
        "engine_starts": 1,
        "disk_free": 10**12,
        "offers": OFFERS,
        "settings": status.fingerprints(current_app.config),
    }
    db.session.rollback()
    with writing() as session:
        worker = Worker(**{**defaults, **values})
        session.add(worker)
    return worker


def migrated(revision: str | None = None) -> None:
    """Write down that the tables are those of ``revision``, by default the newest."""
    with writing() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("DELETE FROM alembic_version"))
        session.execute(
            text("INSERT INTO alembic_version VALUES (:revision)"),
            {"revision": revision or readiness.newest_revision()},
        )
    forget()


def forget() -> None:
    """Let the next question be answered anew."""
    current_app.extensions.pop("readiness", None)
