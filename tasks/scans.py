"""Scans from the outside: submit, retry, cancel; and the task that workers are woken with."""

from __future__ import annotations

import errno
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TypeVar

from flask import current_app
from sqlalchemy import func, select, update

from scanner import sources
from scanner.errors import DiskFull, EngineError, ScannerError, SourceRefused
from scanner.fetch import digest_of
from scanner.results import Source
from scanner.urls import safe_name
from tasks import jobs, mails, stages, workspaces
from tasks.jobs import LeaseLost
from tasks.queue import queue
from webapp import counters
from webapp.extensions import db, writing
from webapp.mails import check_address
from webapp.models import FINAL, Batch, JobState, OutMail, Scan, State, now
from webapp.results import storage
from webapp.security import keyed

log = logging.getLogger(__name__)

Job = TypeVar("Job", Scan, Batch)

#: After so many tries that ended in an error nobody expected, a scan fails.
TRIES = 3

#: After so many workers that died while they fetched or assembled it, a scan fails.
DEATHS = 4


class Busy(Exception):
    """No scan can be accepted now; the sentence says why, ``retry_after`` in how many seconds to come back."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


# From the outside


def submit(url: str, email: str | None, client: str) -> Scan:
    """Accept a scan and wake a worker for it.

    Raise SourceRefused if ``url`` cannot be scanned, webapp.mails.AddressRefused if no mail may go to ``email``, and
    Busy if nothing can be accepted now.

    ``client`` is whoever asks, such as a network address; only a keyed digest of it is kept.
    """
    request = sources.recognise(url, current_app.config["ACCESS"])
    check_room(client)
    if email:
        check_address(email)
    return _accept(Scan(asked=request.asked, title=request.title, address=email or None, client=keyed(client)))[0]


def submit_list(urls: Sequence[str], email: str | None, client: str) -> str:
    """Accept one scan for each of ``urls``, or none; return the token of the page that shows them all.

    Raise SourceRefused, for the first that cannot be scanned and naming it, AddressRefused and Busy.
    """
    requests = [_recognised(number, url) for number, url in enumerate(urls, 1)]
    check_room(client, len(requests))
    if email:
        check_address(email, len(requests))
    token = secrets.token_urlsafe(16)
    _accept(
        *(
            Scan(
                asked=request.asked,
                title=request.title,
                client=keyed(client),
                list_token=token,
                # One mail for a list would have to wait for its slowest; so each scan brings its own.
                address=email or None,
            )
            for request in requests
        )
    )
    return token


def _recognised(number: int, url: str) -> sources.Request:
    try:
        return sources.recognise(url, current_app.config["ACCESS"])
    except SourceRefused as refused:
        raise SourceRefused(f"Line {number}: {refused}", advice=refused.advice) from refused


def submit_file(path: Path, name: str, email: str | None, client: str) -> Scan:
    """Accept a scan of a file that a visitor sent, and that is at ``path`` now. Raise AddressRefused and Busy."""
    check_room(client)
    if email:
        check_address(email)
    sha256, size = digest_of(path)
    name = safe_name(name, default="upload")
    source = Source(kind="upload", asked=name, title=name, filename=name, sha256=sha256, size=size)
    storage().put(workspaces.source_key(source), path)
    scan = Scan(asked=name, title=name, source=source.as_dict(), address=email or None, client=keyed(client))
    scan.bytes_done = scan.bytes_total = size
    return _accept(scan)[0]


def rescan(earlier: Scan, client: str) -> Scan:
    """Accept a scan of what another was asked to scan, on a page of its own that names the other.

    Raise SourceRefused and Busy. What was sent by a visitor is taken from the storage: it cannot be fetched again.
    """
    check_room(client)
    scan = Scan(asked=earlier.asked, earlier_token=earlier.token, client=keyed(client))
    if earlier.source and earlier.source["kind"] == "upload":
        scan.title, scan.source = earlier.title, earlier.source
        scan.bytes_done = scan.bytes_total = earlier.source["size"]
    else:
        scan.title = sources.recognise(earlier.asked, current_app.config["ACCESS"]).title
    return _accept(scan)[0]


def _accept(*scans: Scan) -> tuple[Scan, ...]:
    """Store new scans in one transaction, and wake a worker for each."""
    with writing() as session:
        session.add_all(scans)
        counters.add(session, {("scans_submitted", ""): len(scans)})
    for scan in scans:
        log.info("scan %s submitted", scan.token)
    ring(len(scans))
    return scans


def check_room(client: str, wanted: int = 1) -> None:
    """Raise Busy if so many more scans cannot be accepted now, or not from ``client``."""
    most, waiting = current_app.config["QUEUE_LIMIT"], Scan.state.in_(jobs.FETCHING)
    everybodys = db.session.scalar(select(func.count()).where(waiting)) or 0
    if everybodys + wanted > most:
        raise Busy(f"{everybodys} scans are waiting already. Please come back in a few minutes.", 300)
    own = db.session.scalar(select(func.count()).where(waiting, Scan.client == keyed(client))) or 0
    if own + wanted > max(1, most // 2):
        raise Busy(f"{own} scans of yours are waiting already. Please come back when some of them are done.", 300)
    free = shutil.disk_usage(current_app.config["INSTANCE"]).free
    if free < current_app.config["DISK_RESERVE"]:
        raise Busy("This server's disk is nearly full. Please come back later.", 1800)


def retry(scan: Scan) -> bool:
    """Put a scan that failed or was cancelled back into the queue, on the same page; tell whether it was one."""
    sent = (scan.source or {}).get("kind") == "upload"
    with writing() as session:
        again = session.scalar(
            update(Scan)
            .where(Scan.id == scan.id, Scan.state.in_((State.FAILED, State.CANCELLED)))
            .values(
                state=State.QUEUED,
                attempts=0,
                failures=0,
                owner=None,
                lease_until=None,
                # What was fetched may have changed; what was sent is here, and cannot be fetched again.
                source=scan.source if sent else None,
                report=None,
                twin_key=None,
                root=None,
                notes=[],
                bytes_done=scan.bytes_done if sent else 0,
                bytes_total=scan.bytes_total if sent else None,
                files_total=None,
                unpacked_bytes=None,
                batches_total=None,
                batches_done=0,
                error=None,
                error_code=None,
                advice=None,
                created_at=now(),
                updated_at=now(),
                started_at=None,
                scanning_at=None,
                finished_at=None,
            )
            .returning(Scan.id)
        )
        if again is None:
            # Pressed twice, or on a page that was old: what is under way goes on.
            return False
        session.query(Batch).filter(Batch.scan_id == scan.id).delete()
        session.query(OutMail).filter(OutMail.scan_id == scan.id).delete()
    ring()
    return True


def cancel(scan: Scan) -> None:
    """End a scan that is not over yet; its workers notice within a second or so."""
    with writing() as session:
        ended = session.scalar(
            update(Scan)
            .where(Scan.id == scan.id, Scan.state.not_in(FINAL))
            .values(
                state=State.CANCELLED,
                owner=None,
                lease_until=None,
                address=None,
                finished_at=now(),
                updated_at=now(),
            )
            .returning(Scan.id)
        )
        if ended is None:
            return
        session.query(Batch).filter(Batch.scan_id == scan.id).delete()
        counters.add(session, {("scans_ended", "cancelled"): 1})
    log.info("scan %s cancelled", scan.token)


# In the workers


def workers() -> int:
    """Return how many worker processes this machine runs: one for each engine child, each fetch and each mail."""
    return current_app.config["SCAN_PROCESSES"] + current_app.config["FETCH_SLOTS"] + jobs.MAILS_AT_ONCE


def ring(times: int = 1) -> None:
    """Wake so many workers. If the queue is away the rows stay, and the sweep rings again."""
    try:
        for _ in range(min(times, workers())):
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
    if stages.scan_batch(batch):
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
