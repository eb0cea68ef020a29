"""What the queue looks like to those who wait in it: who is next, and how long a scan takes here."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select

from tasks.jobs import waiting_scans
from webapp.extensions import db
from webapp.models import Scan, State

#: Scanning a file costs about as much as so many bytes of its content do, whatever is in it; from scans of whole
#: packages (express, flask, Django). It only has to be roughly right: the speed itself is measured on each scan.
FILE_COST = 5_000

#: How many finished scans say how long one takes here.
RECENT = 20

#: For so many seconds an outlook is good.
KEPT_SECONDS = 1.0


def work(size: int | None, files: int | None) -> float:
    """Return how much there is to scan in so many bytes and files, as a number of bytes."""
    return (size or 0) + FILE_COST * (files or 0)


@dataclass(frozen=True)
class Outlook:
    """The queue at one moment."""

    positions: dict[int, int]  #: by the ids of the waiting scans; 1 is next
    files: float  #: that are left of the scans under way
    work: float  #: that is left of the scans under way
    seconds_a_work: float | None  #: how long one unit of work took recent scans; None without any
    seconds_a_scan: float  #: how long one of them took, on the average

    def position(self, scan: Scan) -> int:
        """Return the place of ``scan``; one that came later than this outlook is behind all others."""
        return self.positions.get(scan.id, len(self.positions) + 1)

    def wait(self, position: int) -> float | None:
        """Guess the seconds until the report of the scan at ``position``; None without experience.

        Those before it in the queue are taken to be as large as the recent ones.
        """
        if self.seconds_a_work is None:
            return None
        return self.work * self.seconds_a_work + position * self.seconds_a_scan


def outlook() -> Outlook:
    """Return the queue as it was within the last second.

    Everybody who waits asks again and again, and to work it out takes the longer the more of them there are.
    """
    kept: tuple[float, Outlook] | None = current_app.extensions.get("outlook")
    if kept is None or time.monotonic() - kept[0] > KEPT_SECONDS:
        kept = time.monotonic(), _look()
        current_app.extensions["outlook"] = kept
    return kept[1]


def _look() -> Outlook:
    positions = {row[0]: place for place, row in enumerate(db.session.execute(waiting_scans()), 1)}
    files = left_work = 0.0
    for files_total, unpacked_bytes, done, total in db.session.execute(
        select(Scan.files_total, Scan.unpacked_bytes, Scan.batches_done, Scan.batches_total).where(
            Scan.state.in_((State.SCANNING, State.ASSEMBLING))
        )
    ):
        left = 1 - min(1.0, done / total) if total else 1.0
        files += left * (files_total or 0)
        left_work += left * work(unpacked_bytes, files_total)
    return Outlook(positions, files, left_work, *_experience())


def _experience() -> tuple[float | None, float]:
    """Return how many seconds a unit of work and a scan took lately, from the start of the fetch to the report."""
    recent = db.session.execute(
        select(Scan.started_at, Scan.finished_at, Scan.unpacked_bytes, Scan.files_total)
        .where(
            Scan.state == State.DONE,
            Scan.started_at.is_not(None),
            Scan.finished_at.is_not(None),
            Scan.files_total.is_not(None),
        )
        .order_by(Scan.id.desc())
        .limit(RECENT)
    ).all()
    seconds = sum((end - start).total_seconds() for start, end, _, _ in recent if start and end)
    work_done = sum(work(size, files) for _, _, size, files in recent)
    if not work_done or seconds <= 0:
        return None, 0.0
    return seconds / work_done, seconds / len(recent)
