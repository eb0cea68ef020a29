"""SQLite's one write lock: who wants it waits."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.webapp.builders import a_scan
from webapp import extensions
from webapp.extensions import db, writing
from webapp.models import Scan


@contextmanager
def another_writer(app: Flask) -> Iterator[sqlite3.Connection]:
    """Hold the write lock with a connection of its own, until it is told to commit."""
    with closing(sqlite3.connect(db.engine.url.database or "", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_writer_waits_for_another(app: Flask) -> None:
    scan = a_scan()
    with another_writer(app) as other:
        other.execute("UPDATE scan SET title = 'first'")
        commit = threading.Timer(0.3, other.execute, ["COMMIT"])
        commit.start()
        with writing() as session:
            seen = session.get_one(Scan, scan.id).title
        commit.join()

    assert seen == "first"


def test_a_writer_that_has_waited_long_enough_fails_as_any_statement_does(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "LOCK_SECONDS", 0.1)
    a_scan()
    with another_writer(app), pytest.raises(OperationalError, match="locked"), writing():
        pass
