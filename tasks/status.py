"""Signs of life of the workers: one row for each, renewed by its supervisor and read by whoever watches the site."""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import shutil
import socket
import time
from typing import Any

from flask import Flask, current_app
from sqlalchemy import NullPool, create_engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite

import config
from scanner import sandbox
from webapp.extensions import db
from webapp.models import State, Worker, clock, now

log = logging.getLogger(__name__)

#: Seconds between two signs.
EVERY = 5.0
#: Seconds without a sign after which a worker counts as dead: longer than a busy machine or a locked database delays.
SILENCE = 30.0
#: Seconds after which the row of a worker that was killed is removed.
FORGOTTEN = 3600.0

#: What the site and all workers must agree on: links in mails, doorbells, the digests of clients and addresses.
SHARED = ("SECRET_KEY", "BASE_URL", "QUEUE_URL", "QUEUE_NAME")


#: States in which the scan itself is leased; while it is scanned its batches are.
LEASED = (State.FETCHING, State.UNPACKING, State.ASSEMBLING)


class SignOfLife:
    """The row of this worker. Its connections are its own and never outlive a call: workers are forked in between."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._started_at = now()
        self._offers = {**sandbox.capabilities().as_dict(), "git": shutil.which("git") is not None}
        self._last = 0.0
        self._engine: str | None = None
        self._silent = False
        url = app.config["DATABASE_URL"]
        patience = {"timeout": 1} if url.startswith("sqlite") else {**config.POSTGRESQL, "connect_timeout": 3}
        self._database = create_engine(url, poolclass=NullPool, connect_args=patience, hide_parameters=True)

    def give(self, *, engine: str | None, engine_starts: int) -> None:
        """Renew the row if it is time, or the engine came or went. A database that is away is told once."""
        if time.monotonic() - self._last < EVERY and engine == self._engine:
            return
        self._last, self._engine = time.monotonic(), engine
        try:
            self._write(engine, engine_starts)
            if self._silent:
                log.info("the database can be reached again")
            self._silent = False
        except Exception as error:
            if not self._silent:
                log.warning("no sign of life could be given: %s", error)
            self._silent = True

    def end(self) -> None:
        """Remove the row: this worker stops because it was told to."""
        try:
            with self._database.connect().execution_options(writes=True) as connection, connection.begin():
                connection.execute(delete(Worker).where(Worker.name == self._name))
        except Exception as error:
            log.warning("the sign of life could not be removed: %s", error)

    def _write(self, engine: str | None, engine_starts: int) -> None:
        table = Worker.__table__
        insert = sqlite.insert if self._database.dialect.name == "sqlite" else postgresql.insert
        with self._database.connect().execution_options(writes=True) as connection, connection.begin():
            moment = connection.execute(select(clock())).scalar_one()
            changing = {
                "seen_at": moment,
                "clock_off": time.time() - moment,
                "engine": engine,
                "engine_starts": engine_starts,
                "disk_free": shutil.disk_usage(self._app.config["INSTANCE"]).free,
            }
            row = insert(table).values(  # type: ignore[arg-type]
                name=self._name,
                started_at=self._started_at,
                slots=self._app.config["SCAN_PROCESSES"],
                offers=self._offers,
                settings=fingerprints(self._app.config),
                **changing,
            )
            connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=changing))
            connection.execute(delete(Worker).where(Worker.seen_at < moment - FORGOTTEN))


def fingerprints(settings: Any) -> dict[str, str]:
    """Return for each shared setting a digest that tells whether two processes have the same, and nothing else."""
    secret = settings["SECRET_KEY"].encode()
    return {name: hmac.new(secret, f"{name}={settings[name]}".encode(), "sha256").hexdigest()[:8] for name in SHARED}


def living() -> list[Worker]:
    """Return the workers that gave a sign of life lately, the newest first."""
    rows = db.session.scalars(
        select(Worker).where(Worker.seen_at > clock() - SILENCE).order_by(Worker.started_at.desc(), Worker.name)
    )
    return list(rows)


def last_seen() -> float | None:
    """Return how many seconds ago any worker was seen last; None if there is no trace of one."""
    return db.session.scalar(select(db.func.min(clock() - Worker.seen_at)))


def disagreements(worker: Worker) -> list[str]:
    """Return the shared settings in which a worker differs from this process."""
    own = fingerprints(current_app.config)
    different = [name for name, digest in own.items() if worker.settings.get(name) != digest]
    # With another secret every digest differs: that one is to be mended first.
    return ["SECRET_KEY"] if "SECRET_KEY" in different else different


def missing(worker: Worker) -> list[str]:
    """Return a sentence for each protection and program that the machine of a worker lacks."""
    known = {name: worker.offers[name] for name in sandbox.Capabilities.__annotations__ if name in worker.offers}
    if len(known) < len(sandbox.Capabilities.__annotations__):
        return ["The worker is of another version: what its kernel offers is not known."]
    sentences = sandbox.Capabilities(**known).missing()
    if not worker.offers.get("git"):
        sentences.append("git is not installed: repositories cannot be fetched.")
    return sentences
