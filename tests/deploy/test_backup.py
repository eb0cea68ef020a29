"""What was saved can be brought back: the same pages, from another machine's disk."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
from deploy import backup
from tests.servers.postgresql import temporary_database
from tests.webapp.builders import a_report, a_scan
from tests.webapp.operations import migrated
from webapp import create_app
from webapp.extensions import db
from webapp.models import Scan, State
from webapp.results import storage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def databases(request: pytest.FixtureRequest) -> Iterator[list[dict[str, str]]]:
    """The settings of two databases of the same kind, the second one empty."""
    if request.param == "sqlite":
        yield [{}, {}]
        return
    with ExitStack() as stack:
        yield [{"DATABASE_URL": stack.enter_context(temporary_database())} for _ in range(2)]


@pytest.fixture
def environment(environment: dict[str, str], databases: list[dict[str, str]]) -> dict[str, str]:
    return {**environment, **databases[0]}


@pytest.fixture
def elsewhere(environment: dict[str, str], databases: list[dict[str, str]], tmp_path: Path) -> dict[str, object]:
    """The settings of an instance that holds nothing yet."""
    return config.load({**environment, "INSTANCE": str(tmp_path / "elsewhere"), **databases[1]})


@contextmanager
def site(settings: dict[str, object]) -> Iterator[FlaskClient]:
    other = create_app({**settings, "TESTING": True})
    with other.app_context():
        yield other.test_client()
        db.session.remove()
        db.engine.dispose()


def settings_of(app: Flask) -> dict[str, object]:
    return dict(app.config)


def pages(client: FlaskClient, token: str) -> list[bytes]:
    paths = (f"/scans/{token}", f"/scans/{token}/report.json", f"/scans/{token}/files")
    found = []
    for path in paths:
        with client.get(path) as answer:
            assert answer.status_code == 200
            # Made anew for each page.
            found.append(re.sub(rb'(name="csrf_token"[^>]* value=")[^"]+', b"", answer.data))
    return found


def test_a_restored_instance_shows_the_same_report(
    app: Flask, client: FlaskClient, elsewhere: dict[str, object], tmp_path: Path
) -> None:
    migrated()
    token = a_report().token
    before = pages(client, token)
    db.session.remove()

    backup.save(settings_of(app), tmp_path / "backup")
    backup.restore(elsewhere, tmp_path / "backup")

    with site(elsewhere) as other:
        assert pages(other, token) == before


def test_scans_that_were_under_way_begin_again(app: Flask, elsewhere: dict[str, object], tmp_path: Path) -> None:
    migrated()
    token = a_scan(State.SCANNING, address="ada@example.org", owner="gone:1:ab").token
    db.session.remove()
    backup.save(settings_of(app), tmp_path / "backup")

    backup.restore(elsewhere, tmp_path / "backup")

    with site(elsewhere) as other:
        other.application.test_cli_runner().invoke(args=["scans", "retry", "--unfinished"])
        scan = db.session.query(Scan).filter(Scan.token == token).one()
        assert (scan.state, scan.address) == (State.QUEUED, "ada@example.org")


def test_the_secret_key_comes_along(
    app: Flask,
    elsewhere: dict[str, object],
    tmp_path: Path,
    environment: dict[str, str],
    databases: list[dict[str, str]],
) -> None:
    migrated()
    backup.save(settings_of(app), tmp_path / "backup")

    backup.restore(elsewhere, tmp_path / "backup")

    again = config.load({**environment, "INSTANCE": str(elsewhere["INSTANCE"]), **databases[1]})
    assert again["SECRET_KEY"] == app.config["SECRET_KEY"]


def test_a_second_save_copies_only_what_is_new_and_forgets_what_was_removed(app: Flask, tmp_path: Path) -> None:
    migrated()
    kept, removed = a_report(), a_report()
    db.session.remove()
    folder = tmp_path / "backup"
    backup.save(settings_of(app), folder)
    copy = folder / "storage" / (kept.report or "") / "report.sqlite"
    first = copy.stat()
    storage().delete(removed.report or "")
    new = a_report()

    backup.save(settings_of(app), folder)

    assert copy.stat().st_ino == first.st_ino
    assert not (folder / "storage" / (removed.report or "")).exists()
    assert (folder / "storage" / (new.report or "") / "report.sqlite").exists()
    assert json.loads((folder / "about.json").read_text())["files"] == 4


def test_it_refuses_an_instance_that_holds_anything(app: Flask, tmp_path: Path) -> None:
    migrated()
    a_report()
    db.session.remove()
    backup.save(settings_of(app), tmp_path / "backup")

    with pytest.raises(backup.CannotDo, match="not empty"):
        backup.restore(settings_of(app), tmp_path / "backup")

    storage().delete("scans")
    with pytest.raises(backup.CannotDo, match="The database is not empty"):
        backup.restore(settings_of(app), tmp_path / "backup")


def test_it_refuses_a_backup_that_is_none(elsewhere: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(backup.CannotDo, match="no complete backup"):
        backup.restore(elsewhere, tmp_path)


def test_it_refuses_to_save_a_database_without_tables(elsewhere: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(backup.CannotDo, match=r"no (tables|database)"):
        backup.save(elsewhere, tmp_path / "backup")


def test_a_save_that_fails_leaves_the_last_one_whole(tmp_path: Path) -> None:
    settings = config.load({"INSTANCE": str(tmp_path / "instance")})
    database = tmp_path / "instance" / "scanpost.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE scan (id INTEGER)")
    connection.close()
    backup.save(settings, tmp_path / "backup")
    saved = (tmp_path / "backup" / "database.sqlite").read_bytes()
    database.write_bytes(b"this is no database" * 1000)

    with pytest.raises(backup.CannotDo, match="cannot be copied"):
        backup.save(settings, tmp_path / "backup")

    assert (tmp_path / "backup" / "database.sqlite").read_bytes() == saved


@pytest.mark.postgresql
def test_the_password_of_the_database_is_not_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import make_url

    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho "$PGPASSWORD" > {tmp_path}/password\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    backup._postgresql("pg_dump", make_url("postgresql+psycopg://me:geheim@db/scans"))

    assert "geheim" not in (tmp_path / "arguments").read_text()
    assert "me@db/scans" in (tmp_path / "arguments").read_text()
    assert (tmp_path / "password").read_text() == "geheim\n"


def test_the_command_ends_with_one_line(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "deploy.backup", "restore", str(tmp_path / "nothing")],
        cwd=ROOT,
        env={"INSTANCE": str(tmp_path / "instance")},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "no complete backup" in result.stderr
