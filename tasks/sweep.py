"""The sweep: finds what was left lying, by a kill, a lost message or a full disk, and puts it back to work."""

from __future__ import annotations

import logging
import os
import shutil
import time
from datetime import timedelta

from flask import current_app
from huey import crontab
from sqlalchemy import func, select

from tasks import jobs, mails, scans, workspaces
from tasks.queue import queue
from webapp.extensions import db, writing
from webapp.models import FINAL, Batch, JobState, OutMail, Scan, State, clock, now
from webapp.ratelimits import forget_old_counts
from webapp.results import storage

log = logging.getLogger(__name__)

#: Seconds between two sweeps; with the lease it bounds how long a killed job rests. tasks.worker sets the clock to it.
EVERY = 5


@queue.periodic_task(crontab())
@queue.in_app
def sweep() -> None:
    """Do one sweep."""
    run()


def run() -> None:
    """Ring for all that waits, and remove what nobody needs any more."""
    if waiting := _waiting_jobs():
        scans.ring(waiting)
    if _due_mails():
        mails.ring()
    db.session.rollback()
    _end_hopeless_scans()
    remove_old_scans()
    forget_old_counts()
    _remove_left_folders()


def _waiting_jobs() -> int:
    """Count the jobs that a worker could take now."""
    batches = (
        select(func.count())
        .select_from(Batch)
        .join(Scan, Scan.id == Batch.scan_id)
        .where(Scan.state == State.SCANNING, Batch.state != JobState.DONE, jobs.free(Batch))
    )
    others = (
        select(func.count())
        .select_from(Scan)
        .where(Scan.state.in_((*jobs.FETCHING, State.ASSEMBLING)), jobs.free(Scan))
    )
    return (db.session.scalar(batches) or 0) + (db.session.scalar(others) or 0)


def _due_mails() -> int:
    """Count the mails that a worker could send now."""
    due = (
        select(func.count())
        .select_from(OutMail)
        .where(OutMail.state.in_((JobState.WAITING, JobState.RUNNING)), jobs.free(OutMail), OutMail.next_at <= clock())
    )
    return db.session.scalar(due) or 0


def _end_hopeless_scans() -> None:
    """Fail the scans whose workers died again and again while they fetched or assembled."""
    for scan in jobs.hopeless(scans.DEATHS):
        scans.give_up(scan)


def remove_old_scans() -> int:
    """Remove the scans that are over and older than RETENTION_DAYS, with all that they left; return how many."""
    before = now() - timedelta(days=current_app.config["RETENTION_DAYS"])
    old = db.session.scalars(
        select(Scan).where(Scan.state.in_(FINAL), Scan.finished_at < before).order_by(Scan.id).limit(100)
    ).all()
    for scan in old:
        remove(scan)
    return len(old)


def remove(scan: Scan) -> None:
    """Remove a scan, its files, and its source if no other scan has the same."""
    workspaces.forget(scan)
    storage().delete(scan.prefix)
    source = scan.source
    with writing() as session:
        session.query(Scan).filter(Scan.id == scan.id).delete()
    if source and not _source_needed(source["sha256"]):
        storage().delete(f"sources/{source['sha256']}")
    log.info("scan %s removed", scan.token)


def _source_needed(sha256: str) -> bool:
    digests = select(func.count()).where(Scan.source["sha256"].as_string() == sha256)
    needed = bool(db.session.scalar(digests))
    db.session.rollback()
    return needed


def _remove_left_folders() -> None:
    """Remove workspaces of scans that are over, and scratch folders of workers that are gone."""
    for path in workspaces.folder().iterdir():
        token = path.name.split(".")[0]
        scan = db.session.query(Scan.state).filter(Scan.token == token).first()
        # Younger ones may belong to a worker that has not yet noticed that its scan is over.
        if (scan is None or scan[0].final) and _age(path) > 60:
            workspaces.remove(path) if path.is_dir() else path.unlink(missing_ok=True)
    db.session.rollback()
    scratch = current_app.config["INSTANCE"] / "tmp"
    for path in scratch.iterdir() if scratch.exists() else ():
        pid = path.name.split("-")[0]
        if pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _age(path: os.PathLike[str]) -> float:
    try:
        return time.time() - os.lstat(path).st_ctime
    except FileNotFoundError:
        return 0.0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
