"""The extensions, unbound; ``create_app`` binds them to an application."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_mail import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import DeclarativeBase, scoped_session


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
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=15000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # A transaction that reads first and then writes fails at once, without waiting, if another wrote in between
        # (SQLITE_BUSY_SNAPSHOT). One that says from the start that it will write waits for its turn.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


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
