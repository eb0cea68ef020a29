"""What workers are woken for: they take jobs until there is none, and whatever happens, each scan goes on or ends."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import TypeVar

from flask import current_app
from sqlalchemy import select

from scanner.errors import DiskFull, EngineError, ScannerError
from tasks import jobs, mails, stages
from tasks.jobs import LeaseLost
from tasks.queue import queue
from webapp import counters
from webapp.extensions import db, writing
from webapp.models import Batch, JobState, Scan, State, now

log = logging.getLogger(__name__)

Job = TypeVar("Job", Scan, Batch)

#: After so many tries that ended in an error nobody expected, a scan fails.
TRIES = 3

#: After so many workers that died while they fetched or assembled it, a scan fails.
DEATHS = 4


def workers() -> int:
    """Return how many worker processes this machine runs: one for each engine child, each fetch and each mail."""
    return current_app.config["SCAN_PROCESSES"] + current_app.config["FETCH_SLOTS"] + jobs.MAILS_AT_ONCE


def ring(times: int = 1) -> None:
    """Wake so many workers. If the queue is away the rows stay, and the sweep rings again."""
    everybody = workers()
    try:
        # Who answers a bell that has rung already looks for jobs later than now, and until there is none.
        for _ in range(min(times, everybody - len(queue))):
            work()
    except Exception:
        log.exception("could not ring: the next sweep will")


@queue.task()
@queue.in_app
def work() -> None:
    """Do jobs until there is none that this worker could take."""
    while not queue.told_to_stop() and _work_once():
        pass


def _work_once() -> bool:
    """Do one job; tell whether there was one."""
    with _slot() as free:
        if free:
            match jobs.claim_for_engine():
                case Scan() as complete:
                    _run(complete, _assemble)
                    return True
                case Batch() as batch:
                    _run(batch, _scan_batch)
                    return True
    if scan := jobs.claim_fetch():
        _run(scan, _fetch)
        return True
    return False


def _fetch(scan: Scan) -> None:
    _see_that_workers_survive(scan)
    if jobs_laid_out := stages.fetch(scan):
        # This worker takes one of them itself.
        ring(jobs_laid_out - 1)
    else:
        mails.ring()


def _scan_batch(batch: Batch) -> None:
    whole = stages.scan_batch(batch)
    # For its assembly, or for the next fetch, which may have waited until this scan was begun.
    if whole or jobs.fetches_wait():
        ring()


def _assemble(scan: Scan) -> None:
    _see_that_workers_survive(scan)
    stages.assemble(scan)
    mails.ring()


def _see_that_workers_survive(scan: Scan) -> None:
    """Raise ScannerError for a scan of which worker after worker died."""
    if scan.deaths >= DEATHS:
        log.error("scan %s: given up after %d workers died", scan.token, scan.deaths)
        raise ScannerError("Our scanner was stopped again and again while it worked on this.")


@contextmanager
def _slot() -> Iterator[bool]:
    """Hold one of this machine's places for work with the engine, if there is one.

    A place is a locked file: the kernel frees it however its holder ends.
    """
    folder = current_app.config["INSTANCE"] / "slots"
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in range(current_app.config["SCAN_PROCESSES"]):
        with (folder / str(number)).open("w") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
    yield False


def _run(job: Job, stage: Callable[[Job], None]) -> None:
    """Run a stage; whatever happens in it, the scan goes on or ends with a reason."""
    scan_id = job.id if isinstance(job, Scan) else job.scan_id
    token = db.session.query(Scan.token).filter(Scan.id == scan_id).scalar()
    # A stage may take minutes: a transaction that stayed open meanwhile would keep migrations and clearing up waiting.
    db.session.rollback()
    name = getattr(stage, "__name__", "job").strip("_")
    started, ended = time.monotonic(), "failed"
    try:
        stage(job)
        ended = "done"
        log.info("scan %s: %s done in %.1f s", token, name, time.monotonic() - started)
    except LeaseLost:
        ended = "lost"
        log.info("scan %s: %s given up, the job is no longer ours", token, name)
        _clean_if_over(token)
    except KeyboardInterrupt:
        ended = "given-back"
        log.info("scan %s: %s given back, this worker stops", token, name)
        jobs.give_back(job)
        ring()
        raise
    except EngineError:
        log.exception("scan %s: %s: the engine failed", token, name)
        _note_failure(job)
    except DiskFull as error:
        log.error("scan %s: %s: the disk is full", token, name)
        _note_failure(job, str(error))
    except ScannerError as error:
        log.info("scan %s: %s failed: %s", token, name, error.code)
        fail(job, error)
    except Exception as error:
        log.exception("scan %s: %s failed unexpectedly", token, name)
        _note_failure(job, _sentence(error))
    finally:
        counters.note(
            {
                **counters.duration("stage", name, time.monotonic() - started),
                ("jobs", f"{name}/{ended}"): 1,
                ("jobs_taken_over", name): int(job.deaths > 0),
            }
        )
        db.session.remove()


def _sentence(error: Exception) -> str:
    """Return what to tell the visitor, should this error have been the last."""
    full = getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)
    return "This server's disk is full." if full else "Something went wrong on our side while scanning this."


def _note_failure(job: Scan | Batch, sentence: str = "Our scanner cannot be reached.") -> None:
    """Leave the job to the next try, after the pause of its lease that a passing trouble may need, or fail the scan."""
    db.session.rollback()
    if job.failures + 1 >= TRIES:
        fail(job, ScannerError(sentence))
        return
    try:
        jobs.renew(job, failures=type(job).failures + 1)
    except LeaseLost:
        pass


def _clean_if_over(token: str) -> None:
    """Remove what was written for a scan that was over, or was removed, before this worker noticed."""
    db.session.rollback()
    scan = db.session.scalar(select(Scan).where(Scan.token == token))
    if scan is None:
        stages.remove_files(Scan(token=token))
    elif scan.state.final:
        stages.clean_up(scan)


def fail(job: Scan | Batch, error: ScannerError) -> None:
    """End the scan of ``job`` with a reason, unless the job is no longer ours."""
    db.session.rollback()
    scan_id = job.id if isinstance(job, Scan) else job.scan_id
    try:
        with writing() as session:
            # The scan before its batches, as everywhere: two that lock them in another order wait for each other.
            scan = session.get(Scan, scan_id, populate_existing=True, with_for_update=True)
            if scan is None or scan.state.final:
                return
            jobs.finish(job, **({} if isinstance(job, Scan) else {"state": JobState.GIVEN_UP}))
            scan.state, scan.finished_at, scan.owner, scan.lease_until = State.FAILED, now(), None, None
            scan.error, scan.error_code, scan.advice = str(error), error.code, error.advice
            session.query(Batch).filter(Batch.scan_id == scan_id).delete()
            stages.add_mail(scan)
            counters.add(session, {("scans_ended", error.code): 1})
    except LeaseLost:
        return
    mails.ring()
    stages.clean_up(scan)
