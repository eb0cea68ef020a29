"""Could a scan that is submitted now be carried out? One check for each thing that it needs."""

from __future__ import annotations

import functools
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from scanner.limits import size
from tasks import status
from tasks.queue import queue
from webapp.extensions import db
from webapp.results import storage

log = logging.getLogger(__name__)

#: Seconds for which an answer holds: whoever asks more often costs no more.
HOLDS = 2.0
#: Seconds after which a part that does not answer counts as one that cannot be used.
PATIENCE = 3.0


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    ok: bool
    #: A sentence without names of hosts and without secrets.
    why: str
    #: What the library that failed said, for the operator's eyes only.
    detail: str = ""


def check_all() -> list[Check]:
    """Return all checks, in the order in which trouble is to be looked for; not older than HOLDS seconds."""
    kept: _Kept = current_app.extensions.setdefault("readiness", _Kept())
    with kept.lock:
        if time.monotonic() - kept.at > HOLDS:
            kept.checks = _run_all(kept.questions)
            kept.at = time.monotonic()
        return kept.checks


class _Question:
    """One check under way, in a thread of its own: a server that hangs never answers."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]
        self._check: Check | None = None
        self._thread = threading.Thread(target=self._ask, name=f"readiness of {name}", daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        with self._app.app_context():
            self._check = _run(self._name, CHECKS[self._name])

    @property
    def hangs(self) -> bool:
        return self._thread.is_alive()

    def wait(self, deadline: float) -> Check:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return self._check or Check(self._name, False, f"{_SUBJECTS[self._name]}: no answer in {PATIENCE:.0f} seconds.")


class _Kept:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at = float("-inf")
        self.checks: list[Check] = []
        #: Those asked last. One that still hangs is not asked again, so that it costs one thread only.
        self.questions: dict[str, _Question] = {}


def _run_all(questions: dict[str, _Question]) -> list[Check]:
    """Ask what needs nothing else, all at once, then what needs the answers to that."""
    done: dict[str, Check] = {}
    while len(done) < len(CHECKS):
        wave = [name for name in CHECKS if name not in done and all(one in done for one in NEEDS.get(name, ()))]
        deadline = time.monotonic() + PATIENCE
        broken = {name: [one for one in NEEDS.get(name, ()) if not done[one].ok] for name in wave}
        for name in wave:
            if not broken[name] and not (name in questions and questions[name].hangs):
                questions[name] = _Question(name)
        for name in wave:
            if broken[name]:
                sentence = f"{_SUBJECTS[name]} cannot be asked about: see {broken[name][0]}."
                done[name] = Check(name, False, sentence)
            else:
                done[name] = questions[name].wait(deadline)
    return [done[name] for name in CHECKS]


def _run(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *check())
    except Exception as error:
        # The text of a foreign exception may name hosts and users: it goes to the log, its kind to the asker.
        reason = str(getattr(error, "orig", None) or error).split("\n")[0]
        log.warning("not ready, %s: %s", name, reason)
        return Check(name, False, f"{_SUBJECTS[name]} cannot be used ({type(error).__name__}).", reason)
    finally:
        db.session.rollback()


def _database() -> tuple[bool, str]:
    db.session.execute(text("SELECT 1"))
    return True, "The database answers."


def _migrations() -> tuple[bool, str]:
    ours, theirs = newest_revision(), revision_of_database()
    if theirs == ours:
        return True, f"The database is at revision {ours}, as this code expects."
    if theirs is None:
        return False, "The database has no tables yet: run `flask --app wsgi db upgrade`."
    if theirs not in known_revisions():
        return False, f"The database is at revision {theirs}, which is newer than this code: install the newer version."
    return False, f"The database is at revision {theirs}, this code needs {ours}: run `flask --app wsgi db upgrade`."


@functools.cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).resolve().parent.parent / "migrations"))


def newest_revision() -> str | None:
    return _scripts().get_current_head()


def known_revisions() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def revision_of_database() -> str | None:
    if not inspect(db.session.connection()).has_table("alembic_version"):
        return None
    return db.session.scalar(text("SELECT version_num FROM alembic_version"))


def _queue() -> tuple[bool, str]:
    waiting = queue.pending_count()
    return True, f"The queue answers; {waiting} messages wait in it."


def _storage() -> tuple[bool, str]:
    # Without a folder of its own: two processes that make and remove the same folder would meet.
    key = f"readiness-{secrets.token_hex(8)}"
    with tempfile.NamedTemporaryFile(dir=current_app.config["INSTANCE"]) as file:
        file.write(key.encode())
        file.flush()
        storage().put(key, Path(file.name))
    try:
        with storage().open(key) as kept:
            whole = kept.read() == key.encode()
    finally:
        storage().delete(key)
    return whole, "The storage keeps what it is given." if whole else "The storage gave back something else."


def _worker() -> tuple[bool, str]:
    living = status.living()
    if not living:
        seconds = status.last_seen()
        when = f"the last one was seen {seconds:.0f} seconds ago" if seconds is not None else "none was ever seen"
        return False, f"No worker is alive: {when}. Start one with `make worker`."
    if not any(worker.engine for worker in living):
        return False, f"No engine is up, although there are {len(living)} workers: their logs say why."
    slots = sum(worker.slots for worker in living)
    return True, f"Workers alive: {len(living)}, which scan {slots} files at a time."


def _disk() -> tuple[bool, str]:
    free, reserve = shutil.disk_usage(current_app.config["INSTANCE"]).free, current_app.config["DISK_RESERVE"]
    try:
        free = min([free, *(worker.disk_free for worker in status.living())])
    except SQLAlchemyError:
        # The workers' disks are unknown then, ours is not.
        db.session.rollback()
    return free >= reserve, f"{size(free)} of disk are free; {size(reserve)} must stay free."


CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "database": _database,
    "migrations": _migrations,
    "queue": _queue,
    "storage": _storage,
    "worker": _worker,
    "disk": _disk,
}

#: Without these there is no use in asking.
NEEDS = {"migrations": ("database",), "worker": ("database", "migrations")}

_SUBJECTS = {
    "database": "The database",
    "migrations": "The database's revision",
    "queue": "The queue",
    "storage": "The storage",
    "worker": "The workers' signs of life",
    "disk": "The disks of site and workers",
}
