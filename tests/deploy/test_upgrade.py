"""An upgrade keeps what there is, while the site runs; a database of a newer version is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tasks import jobs, status
from tests.servers.postgresql import temporary_database
from tests.webapp.builders import a_batch, a_scan
from tests.webapp.operations import migrated
from webapp import readiness
from webapp.extensions import db
from webapp.models import Base, Scan, State

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = str(ROOT / "migrations")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def environment(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    if request.param == "sqlite":
        yield environment
        return
    with temporary_database() as url:
        yield {**environment, "DATABASE_URL": url}


def test_scans_under_way_outlive_an_upgrade(app: Flask) -> None:
    db.session.remove()
    Base.metadata.drop_all(db.engine)
    upgrade(directory=MIGRATIONS)
    scan = a_scan(State.SCANNING, address="ada@example.org")
    number = scan.id
    a_batch(scan)
    batch = jobs.claim_batch()
    assert batch is not None
    db.session.remove()
    # The tables of the first version; its worker has the job, and goes on to renew its lease while they change.
    downgrade(directory=MIGRATIONS, revision="0001")
    jobs.renew(batch, files_done=2)

    upgrade(directory=MIGRATIONS)
    jobs.renew(batch, files_done=3)

    db.session.expire_all()
    kept = db.session.get_one(Scan, number)
    assert (kept.state, kept.address, kept.batches[0].files_done) == (State.SCANNING, "ada@example.org", 3)
    assert readiness.revision_of_database() == readiness.newest_revision()
    assert status.living() == []


def test_an_upgrade_may_be_repeated(app: Flask) -> None:
    db.session.remove()
    Base.metadata.drop_all(db.engine)

    upgrade(directory=MIGRATIONS)
    upgrade(directory=MIGRATIONS)

    assert readiness.revision_of_database() == readiness.newest_revision()


@pytest.mark.postgresql  # SQLite's readers do not hinder a writer.
@pytest.mark.parametrize("environment", ["postgresql"], indirect=True)
def test_an_upgrade_gives_up_rather_than_stop_the_site_behind_a_long_reader(app: Flask) -> None:
    db.session.remove()
    Base.metadata.drop_all(db.engine)
    upgrade(directory=MIGRATIONS, revision="0002")

    with db.engine.connect() as backup:
        backup.execute(text("select token from scan"))
        with pytest.raises(OperationalError, match="lock timeout"):
            upgrade(directory=MIGRATIONS)
    upgrade(directory=MIGRATIONS)

    assert readiness.revision_of_database() == readiness.newest_revision()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(app: Flask, environment: dict[str, str]) -> None:
    migrated("9999")
    token = a_scan().token
    db.session.remove()

    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
        cwd=ROOT,
        env={**environment, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )

    assert result.returncode != 0
    assert "9999" in result.stderr
    assert "Traceback" not in result.stderr
    assert readiness.revision_of_database() == "9999"
    assert db.session.query(Scan.token).scalar() == token
