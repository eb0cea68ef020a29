"""The sweep: finds what was left lying, by a kill, a lost message or a full disk, and puts it back to work."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from flask import current_app
from huey import crontab
from sqlalchemy import func, select

from tasks import jobs, mails, stages, work, workspaces
from tasks.queue import queue
from webapp.extensions import db, writing
from webapp.models import FINAL, Batch, JobState, OutMail, Scan, State, clock, now
from webapp.ratelimits import forget_old_counts
from webapp.results import storage

log = logging.getLogger(__name__)

#: Seconds between two sweeps; with the lease it bounds how long a killed job rests. tasks.worker sets the clock to it.
EVERY = 5
#: Seconds between two searches for files that belong to no scan.
STRAYS_EVERY = 3_600


@queue.periodic_task(crontab())
@queue.in_app
def sweep() -> None:
    """Do one sweep."""
    run()


def run() -> None:
    """Ring for all that waits, and remove what nobody needs any more."""
    wake()
    for part in (remove_old_scans, forget_old_counts, _remove_left_folders, _remove_strays):
        try:
            part()
        except Exception:
            # What hinders one of them, such as a file that cannot be deleted, must not hinder the others.
            log.exception("a part of the sweep failed: %s", part.__name__.strip("_"))
            db.session.rollback()


def wake() -> None:
    """Ring for all that waits."""
    if waiting := _waiting_jobs():
        work.ring(waiting)
    if _due_mails():
        mails.ring()
    db.session.rollback()


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
        .where(OutMail.state.in_(jobs.OPEN), jobs.free(OutMail), OutMail.next_at <= clock())
    )
    return db.session.scalar(due) or 0


def remove_old_scans() -> int:
    """Remove the scans that are over and older than RETENTION_DAYS, with all that they left; return how many."""
    before = now() - timedelta(days=current_app.config["RETENTION_DAYS"])
    old = db.session.scalars(
        select(Scan).where(Scan.state.in_(FINAL), Scan.finished_at < before).order_by(Scan.id).limit(100)
    ).all()
    removed = 0
    for scan in old:
        try:
            remove(scan)
            removed += 1
        except OSError:
            log.exception("scan %s is too old and cannot be removed", scan.token)
    return removed


def remove(scan: Scan) -> None:
    """Remove a scan, its files, and its source if no other scan has the same."""
    stages.remove_files(scan)
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
    """Remove workspaces of scans that are over, and scratch folders of processes that are gone."""
    workspaces.remove_left(_is_over)
    workspaces.remove_left_scratch()
    workspaces.remove_doomed()


def _is_over(token: str) -> bool:
    state = db.session.scalar(select(Scan.state).where(Scan.token == token))
    db.session.rollback()
    return state is None or state.final


def _remove_strays() -> None:
    """Remove, once an hour, what was kept for longer than any scan is and belongs to none.

    A kill between two steps leaves such files, as does a deletion while a worker still writes. Younger ones stay: with
    a database that was restored, or named wrongly, nothing may go that the right one knows.
    """
    instance, limit = current_app.config["INSTANCE"], current_app.config["RETENTION_DAYS"] * 86_400
    mark = instance / "strays"
    if mark.exists() and time.time() - mark.stat().st_mtime < STRAYS_EVERY:
        return
    mark.touch()
    tokens = set(db.session.scalars(select(Scan.token)))
    sources = set(db.session.scalars(select(Scan.source["sha256"].as_string())))
    db.session.rollback()
    removed = storage().delete_others("scans", tokens, limit) + storage().delete_others("sources", sources, limit)
    for mail in (instance / "outbox").glob("*.eml"):
        if time.time() - mail.stat().st_mtime > limit:
            mail.unlink(missing_ok=True)
            removed += 1
    if removed:
        log.info("%d files and folders removed that belong to no scan", removed)
