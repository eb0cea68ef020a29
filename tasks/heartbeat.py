"""A sign of life for a job under way: renews its lease from a thread of its own, and learns there if it is lost."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Any

from flask import current_app

from tasks.jobs import LeaseLost, renew
from webapp.extensions import db
from webapp.models import Batch, OutMail, Scan

log = logging.getLogger(__name__)

#: How soon a cancelled scan must be noticed, and how old a number on a page may be, in seconds.
EVERY = 0.7

#: After so many seconds in which the work itself gave no sign the lease is renewed no more: it hangs, on a network
#: folder that went away say, and another worker had better begin anew. No step without a sign takes as long.
SILENCE = 900


class Heartbeat:
    """Renew the lease of ``job`` while the ``with`` block runs; ``check()`` raises LeaseLost once it is gone.

    ``set(name=value)`` notes a column's new value, written with the next renewal: progress costs no writes of its own.
    """

    def __init__(self, job: Scan | Batch | OutMail) -> None:
        self._job = job
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._heard = time.monotonic()
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def set(self, **values: Any) -> None:
        self._heard = time.monotonic()
        with self._lock:
            self._values.update(values)

    def check(self) -> None:
        """Be the work's sign of life; raise LeaseLost if the job is not ours any more, or its scan was cancelled."""
        self._heard = time.monotonic()
        if self._lost.is_set():
            raise LeaseLost

    def _beat(self) -> None:
        third = self._app.config["LEASE_SECONDS"] / 3
        renewed = time.monotonic()
        with self._app.app_context():
            while not self._stop.wait(EVERY):
                if time.monotonic() - self._heard > SILENCE:
                    log.error("a job hangs: its lease is not renewed any more")
                    self._lost.set()
                    return
                with self._lock:
                    values, self._values = self._values, {}
                try:
                    if values or time.monotonic() - renewed > third or self._over():
                        renew(self._job, **values)
                        renewed = time.monotonic()
                except LeaseLost:
                    self._lost.set()
                    return
                except Exception:
                    # The database may be away for a moment; the lease decides whether that was too long.
                    log.exception("could not renew a lease")
                    db.session.rollback()
                    with self._lock:
                        self._values = {**values, **self._values}

    def _over(self) -> bool:
        """Tell, by a read that takes no lock, whether the next renewal would find the job lost."""
        job = self._job
        if isinstance(job, OutMail):
            return False
        db.session.rollback()
        model = type(job)
        owner = db.session.query(model.owner).filter(model.id == job.id).scalar()
        scan_id = job.id if isinstance(job, Scan) else job.scan_id
        state = db.session.query(Scan.state).filter(Scan.id == scan_id).scalar()
        db.session.rollback()
        return owner != job.owner or state is None or state.final
