"""What can be said of a scan that is under way: its place, its counts, and how long it may still take."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from webapp.extensions import db
from webapp.filters import estimate
from webapp.models import Batch, Scan, State, now
from webapp.views.outlook import outlook, work

#: Putting a report together takes so many seconds, and so many more for each file; from flask and Django.
ASSEMBLY_SECONDS = 2.5
ASSEMBLY_SECONDS_A_FILE = 0.003

#: Before so many seconds and so large a part, a speed is a guess from too little.
FIRST_ESTIMATE_SECONDS = 2.0
FIRST_ESTIMATE_PART = 0.03

#: A page asks again after so many seconds for each scan before its own, but after no less and no more than these.
ASK_SECONDS_A_PLACE = 0.2
ASK_SECONDS = (1, 10)

#: An estimate may grow by so many seconds, or by that part of itself, before the page owns up to it.
PATIENCE_SECONDS = 5.0
PATIENCE_PART = 0.2


@dataclass(frozen=True)
class Progress:
    """How far a scan is. Numbers that are not known, or do not belong to its state, are None."""

    state: State
    updated_at: str
    title: str = ""  #: of the scan: better known after the fetch
    position: int | None = None  #: in the queue; 1 is next
    ahead_files: int | None = None  #: files that are still to be scanned for others, where known
    bytes_done: int | None = None
    bytes_total: int | None = None
    files_done: int | None = None
    files_total: int | None = None
    eta_seconds: float | None = None  #: until the report
    late: bool = False  #: the estimate has grown since the reader was last given one
    found: tuple[tuple[str, int], ...] = ()  #: SPDX expressions found so far, with numbers of files, most first

    def status(self, error: str | None) -> dict[str, Any]:
        """Return what status.json says; its names are promised to whoever reads it."""
        return {
            "state": self.state.value,
            "position": self.position,
            "bytes_done": self.bytes_done,
            "bytes_total": self.bytes_total,
            "files_done": self.files_done,
            "files_total": self.files_total,
            "eta_seconds": None if self.eta_seconds is None else round(self.eta_seconds),
            "error": error,
            "updated_at": self.updated_at,
        }

    @property
    def ask_after(self) -> int:
        """Return after how many seconds a page that shows this asks again.

        Of a scan under way something is new each second. The farther back in the queue, the less a moment matters,
        and the more there are who ask.
        """
        least, most = ASK_SECONDS
        if self.position is None:
            return least
        # Not by the estimate: a small scan may have its turn long before the huge ones under way are done.
        return min(max(round(self.position * ASK_SECONDS_A_PLACE), least), most)

    @property
    def version(self) -> str:
        """Return a digest of all that a reader can see change."""
        visible = replace(self, updated_at="", eta_seconds=None), estimate(self.eta_seconds)
        return hashlib.sha256(repr(visible).encode()).hexdigest()[:16]


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("neither a moment nor a number of seconds")
    return number


@dataclass(frozen=True)
class Seen:
    """What a page already shows. It is sent along, so that no number on it goes backwards."""

    version: str = ""
    files_done: int = 0
    due: float | None = None  #: when the report was promised, seconds since 1970
    late: bool = False  #: a promise had to be taken back

    @classmethod
    def from_args(cls, args: MultiDict[str, str]) -> Seen:
        """Read it from an address; what makes no sense there counts as not seen."""
        return cls(
            version=args.get("version", ""),
            files_done=max(0, args.get("files", 0, type=int)),
            due=args.get("due", None, type=_finite),
            late=bool(args.get("late")),
        )


def measure(scan: Scan) -> Progress:
    """Look up how far ``scan`` is."""
    progress = Progress(
        state=scan.state, updated_at=scan.updated_at.isoformat(timespec="milliseconds"), title=scan.title
    )
    if scan.state is State.QUEUED:
        return _queued(scan, progress)
    progress = replace(progress, bytes_done=scan.bytes_done, bytes_total=scan.bytes_total, files_total=scan.files_total)
    if scan.state is State.SCANNING:
        return _scanning(scan, progress)
    if scan.state in (State.ASSEMBLING, State.DONE):
        return replace(progress, files_done=scan.files_total)
    return progress


def _queued(scan: Scan, progress: Progress) -> Progress:
    queue = outlook()
    position = queue.position(scan)
    return replace(
        progress, position=position, ahead_files=round(queue.files) or None, eta_seconds=queue.wait(position)
    )


def _scanning(scan: Scan, progress: Progress) -> Progress:
    whole = done = 0.0
    files = 0
    found: Counter[str] = Counter()
    for batch in db.session.execute(
        select(Batch.files, Batch.bytes, Batch.files_done, Batch.found).where(Batch.scan_id == scan.id)
    ):
        cost = work(batch.bytes, batch.files)
        whole += cost
        done += cost * min(1.0, batch.files_done / batch.files) if batch.files else cost
        files += batch.files_done
        found.update(batch.found)
    return replace(
        progress,
        files_done=files,
        eta_seconds=_left(scan, done / whole if whole else 0.0),
        found=tuple(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:8]),
    )


def _left(scan: Scan, part: float) -> float | None:
    """Return the seconds until the report at the speed so far, once there is one."""
    if scan.scanning_at is None or part < FIRST_ESTIMATE_PART:
        return None
    elapsed = (now() - scan.scanning_at).total_seconds()
    if elapsed < FIRST_ESTIMATE_SECONDS:
        return None
    return elapsed * (1 - part) / part + ASSEMBLY_SECONDS + ASSEMBLY_SECONDS_A_FILE * (scan.files_total or 0)


def since(progress: Progress, seen: Seen) -> tuple[Progress, Seen]:
    """Continue what a page has shown: no count goes back, and an estimate that was too short is called so."""
    files, due, late = progress.files_done, seen.due, seen.late
    if files is not None:
        files = max(files, min(seen.files_done, progress.files_total or 0))
    eta = progress.eta_seconds
    if eta is not None:
        present = time.time()
        if due is None or present + eta <= due:
            due = present + eta
        elif present + eta - due > PATIENCE_SECONDS + PATIENCE_PART * max(0.0, due - present):
            due, late = present + eta, True
        eta = max(0.0, due - present)
    progress = replace(progress, files_done=files, eta_seconds=eta, late=late)
    return progress, Seen(progress.version, files or 0, due, late)
