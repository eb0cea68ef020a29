"""Numbers that only grow, kept in the database: several processes count, any one of them can tell (see webapp.metrics).

What can be read off the rows of scans, batches and mails is not counted here; rows go with retention, counters stay.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, scoped_session

from webapp.extensions import db
from webapp.models import Counter

log = logging.getLogger(__name__)

#: (name, label) → how much to add.
Counts = Mapping[tuple[str, str], float]

#: Upper bounds of the buckets of durations, seconds: from a page to the longest stage. Beyond the last is "+Inf".
BUCKETS = (0.05, 0.15, 0.5, 1.5, 5.0, 15.0, 60.0, 300.0, 1800.0)

#: Seconds for which a process of the site keeps what it counted before it writes it down.
KEPT = 5.0


def add(session: scoped_session[Session] | Connection, counts: Counts) -> None:
    """Add to the counters, inside the caller's transaction: the last thing in it, for the rows stay locked to its end.

    They are taken in one order by all, so that two transactions never wait for each other.
    """
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    for (name, label), amount in sorted(counts.items()):
        row = insert(Counter).values(name=name, label=label[:60], value=amount)
        session.execute(
            row.on_conflict_do_update(
                index_elements=[Counter.name, Counter.label], set_={"value": Counter.value + row.excluded.value}
            )
        )


def note(counts: Counts) -> None:
    """Add to the counters by themselves; a database that is away costs the count, not the caller's work."""
    try:
        _write(counts)
    except Exception:
        log.warning("could not write the counters down", exc_info=True)


def _write(counts: Counts) -> None:
    # Not the session's connection: what the caller has read there stays as it is.
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        add(connection, counts)


def duration(name: str, label: str, seconds: float) -> dict[tuple[str, str], float]:
    """Return what one observed duration adds: to its bucket, and to the sum."""
    place = bisect_left(BUCKETS, seconds)
    bound = str(BUCKETS[place]) if place < len(BUCKETS) else "+Inf"
    return {(f"{name}_bucket", f"{label}/{bound}"): 1, (f"{name}_sum", label): seconds}


class Kept:
    """Counts of one process of the site: kept for some seconds, so that requests cost no writes of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], float] = {}
        self._written = time.monotonic()

    def add(self, counts: Counts) -> None:
        with self._lock:
            for key, amount in counts.items():
                self._counts[key] = self._counts.get(key, 0) + amount

    def write(self, *, at_once: bool = False) -> None:
        """Write down what was kept, if it is time; what could not be written is kept on."""
        with self._lock:
            if not self._counts or not (at_once or time.monotonic() - self._written > KEPT):
                return
            counts, self._counts = self._counts, {}
            self._written = time.monotonic()
        try:
            _write(counts)
        except Exception:
            log.warning("could not write the counters down: they are kept", exc_info=True)
            self.add(counts)
