"""The extensions, unbound; ``create_app`` binds them to an application."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_mail import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import DeclarativeBase, scoped_session

#: How long a statement waits for what another connection to SQLite has locked.
LOCK_SECONDS = 15
_PATIENCE = f"busy_timeout={LOCK_SECONDS * 1000}"


class Base(DeclarativeBase):
    """The base of all models."""


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
migrate = Migrate()
csrf = CSRFProtect()
mail = Mail()


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        # The driver would begin transactions by itself, and late; _begin below does it instead.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={LOCK_SECONDS * 1000}",
            "foreign_keys=ON",
            # What is deleted is overwritten where that costs no further writing: an address does not outlive its row.
            "secure_delete=FAST",
        ):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # A transaction that reads first and then writes fails at once, without waiting, if another wrote in between
        # (SQLITE_BUSY_SNAPSHOT). One that says from the start that it will write waits for its turn.
        if connection.get_execution_options().get("writes", False):
            _begin_to_write(connection)
        else:
            connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """Wait for SQLite's one write lock, asking for it every few milliseconds.

    SQLite itself asks the more rarely the longer it has waited, up to every 100 ms: of many writers, those who have
    waited longest would have the smallest chance.
    """
    sqlite: Any = connection.connection.dbapi_connection
    deadline = time.monotonic() + LOCK_SECONDS
    # Within so many milliseconds it asks after 1, 3 and 8.
    sqlite.execute("PRAGMA busy_timeout=8")
    try:
        while time.monotonic() < deadline:
            try:
                sqlite.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # Fails as all statements do, with an error of SQLAlchemy's.
    finally:
        sqlite.execute(f"PRAGMA {_PATIENCE}")


@contextmanager
def writing() -> Iterator[scoped_session[Any]]:
    """Give the session inside one transaction that writes: committed at the end, rolled back on an exception.

    What was read before is forgotten first, so that all that is read inside is the newest there is.
    """
    db.session.rollback()
    db.session.expire_all()
    db.session.connection(execution_options={"writes": True})
    try:
        yield db.session
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
