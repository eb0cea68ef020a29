"""The Huey queue, unbound; ``queue.init_app`` gives it a storage and the application whose context its tasks run in."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from huey import Huey
from huey.storage import BaseStorage, BlackHoleStorage, PostgresStorage, RedisStorage, SqliteStorage
from redis import ConnectionPool
from sqlalchemy import make_url

import config

log = logging.getLogger(__name__)

#: Seconds that a server that hangs may keep a visitor waiting: the row is there, and the sweep rings again.
PATIENCE = 5


class Queue(Huey):
    """A Huey whose storage is known only once there is an application."""

    storage_class = BlackHoleStorage

    def __init__(self) -> None:
        super().__init__("scanpost", results=False)
        self.app: Flask | None = None
        #: Whether this worker is to stop; a task with much to do asks between two jobs.
        self.told_to_stop: Callable[[], bool] = lambda: False

    def init_app(self, app: Flask) -> None:
        """Bind to ``app`` and to the storage that its QUEUE_URL names."""
        self.app = app
        # One name for all storages: what Redis and PostgreSQL both take in keys and channels.
        self.name = re.sub(r"\W", "_", app.config["QUEUE_NAME"])
        self.storage = open_queue(app.config["QUEUE_URL"], self.name)

    def in_app(self, function: Callable[..., None]) -> Callable[..., None]:
        """Run ``function`` in the context of the application."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            if self.app is None:
                raise RuntimeError("the queue has no application: call queue.init_app first")
            with self.app.app_context():
                function(*args, **kwargs)

        return run


class PostgresQueue(PostgresStorage):
    """Makes its tables with its first connection: a server that is away keeps no site from starting."""

    #: Of the advisory lock under which they are made, as two who make the same table at once may fail.
    LOCK = 7_226_743_679

    def __init__(self, name: str, dsn: str) -> None:
        super().__init__(name, dsn=dsn, create_tables=False, **config.POSTGRESQL)

    def _create_connection(self) -> Any:
        connection = self._connect()
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", [self.LOCK])
            for statement in self.ddl:
                connection.execute(statement)
        return connection


class SqliteQueue(SqliteStorage):
    """Does not wait for the disk: what a power cut takes is rung for again."""

    def _create_connection(self) -> Any:
        connection = super()._create_connection()
        connection.execute("pragma synchronous=normal")
        return connection


def open_queue(url: str, name: str) -> BaseStorage:
    """Return the Huey storage for a QUEUE_URL."""
    if url.startswith("sqlite:///"):
        return SqliteQueue(name, filename=url.removeprefix("sqlite:///"), timeout=15)
    if url.startswith(("postgresql", "postgres://")):
        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresQueue(name, dsn)
    pool = ConnectionPool.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
    return RedisStorage(name, connection_pool=pool)


queue = Queue()
