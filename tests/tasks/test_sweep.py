"""The sweep removes what nobody needs, and nothing else; what hinders one part of it does not hinder the others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from tasks import stages, sweep, work
from webapp.extensions import db
from webapp.models import Scan, State, now
from webapp.results import storage

DAY = 86_400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


def _add_old(add_scan: Callable[..., Scan], days: int = 91) -> Scan:
    return add_scan(state=State.DONE, finished_at=now() - timedelta(days=days))


def _pretend_that_days_pass(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = time.time() + days * DAY
    monkeypatch.setattr(time, "time", lambda: later)


def test_files_that_belong_to_no_scan_go_when_any_scan_would(
    app: Flask, add_scan: Callable[..., Scan], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = add_scan(source={"sha256": "a" * 64})
    kept = [f"scans/{scan.token}/report-1/x", f"sources/{'a' * 64}"]
    strays = ["scans/gone/report-1/x", f"sources/{'b' * 64}"]
    for key in (*kept, *strays):
        storage().put(key, file)

    sweep.run()
    young = [storage().exists(key) for key in (*kept, *strays)]
    _pretend_that_days_pass(monkeypatch, app.config["RETENTION_DAYS"] + 1)
    sweep.run()

    assert young == [True] * 4
    assert [storage().exists(key) for key in (*kept, *strays)] == [True, True, False, False]


def test_mails_that_were_written_to_files_go_with_their_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = app.config["INSTANCE"] / "outbox" / "1.eml"
    mail.parent.mkdir()
    mail.write_text("To: me@example.org")

    sweep.run()
    young = mail.exists()
    _pretend_that_days_pass(monkeypatch, app.config["RETENTION_DAYS"] + 1)
    sweep.run()

    assert young
    assert not mail.exists()


def test_strays_are_not_looked_for_at_every_sweep(app: Flask, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep.run()
    storage().put("scans/gone/x", file)
    os.utime(app.config["INSTANCE"] / "strays", (2 * time.time(),) * 2)

    _pretend_that_days_pass(monkeypatch, app.config["RETENTION_DAYS"] + 1)
    sweep.run()

    assert storage().exists("scans/gone/x")


def test_a_scan_that_cannot_be_removed_does_not_keep_the_others(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    hard, easy = _add_old(add_scan), _add_old(add_scan)
    remove_files = stages.remove_files

    def remove(scan: Scan) -> None:
        if scan.token == hard.token:
            raise PermissionError(13, "Permission denied")
        remove_files(scan)

    monkeypatch.setattr(stages, "remove_files", remove)

    removed = sweep.remove_old_scans()

    assert removed == 1
    assert db.session.scalars(select(Scan.token)).all() == [hard.token] != [easy.token]


def test_a_part_that_fails_does_not_keep_the_others(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    done: list[str] = []

    def fail() -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(work, "ring", rung.append)
    monkeypatch.setattr(sweep, "remove_old_scans", fail)
    monkeypatch.setattr(sweep, "forget_old_counts", lambda: done.append("counts"))
    add_scan()

    sweep.run()

    assert rung == [1]
    assert done == ["counts"]
