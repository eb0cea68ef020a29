"""Claims and leases: who may work on which row, decided by the database alone.

A claim is one UPDATE that repeats the old state in its WHERE; of two workers that want the same row, one changes it
and the other changes nothing. A lease runs on the database's clock and is renewed while the work goes on
(see tasks.heartbeat); whoever writes results repeats the owner in the WHERE, so a worker that was asleep for longer
than its lease changes nothing when it wakes up.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy import Select, func, or_, select, true, update

from webapp.extensions import db, writing
from webapp.models import Batch, JobState, OutMail, Scan, State, clock, now

Job = TypeVar("Job", Scan, Batch, OutMail)

#: States in which a worker of its own fetches and unpacks the scan.
FETCHING = (State.QUEUED, State.FETCHING, State.UNPACKING)

#: States in which a scan has had its turn and is not over.
UNDER_WAY = (State.FETCHING, State.UNPACKING, State.SCANNING, State.ASSEMBLING)

#: States of a batch or a mail that is not over.
OPEN = (JobState.WAITING, JobState.RUNNING)

#: Mails that are sent at the same time. A mail server that hangs holds no more workers than these.
MAILS_AT_ONCE = 2


#: A worker that so many others were faster than waits for the next doorbell.
CLAIM_TRIES = 20

#: For each process that scans, a client has at most so many scans that are fetched and not begun.
AHEAD = 4


class LeaseLost(Exception):
    """Another worker has the job now, or it is over: stop, and write nothing."""


def new_owner() -> str:
    """Return a name for one claim; different for each, so that a worker cannot mistake an older claim for its own."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(6)}"


def free(model: type[Scan] | type[Batch] | type[OutMail]) -> Any:
    """Say in SQL that nobody holds the job."""
    return or_(model.lease_until.is_(None), model.lease_until < clock())


def _running(model: type[Scan] | type[Batch] | type[OutMail]) -> Any:
    return model.lease_until >= clock()


def _claim(model: type[Job], states: Sequence[StrEnum], candidate: Select[Any], **values: Any) -> Job | None:
    """Take the first row of ``candidate``, whose first column is the id; None if there is none.

    ``states`` are those in which a row may be taken: one that was cancelled a moment ago must not come back to life.
    """
    for _ in range(CLAIM_TRIES):
        # Looked for outside the transaction that takes it: most doorbells find nothing, and to find the next one among
        # hundreds takes longer than all else here. Neither must hold up others at the one write lock that SQLite has.
        row = db.session.scalar(candidate.limit(1))
        if row is None:
            break
        if job := _take(model, row, states, values):
            return job
        # Another worker was faster; so look for the one after it.
    db.session.rollback()
    return None


def _take(model: type[Job], row: int, states: Sequence[StrEnum], values: dict[str, Any]) -> Job | None:
    owner = new_owner()
    with writing() as session:
        taken = session.execute(
            update(model)
            .where(model.id == row, model.state.in_(states), free(model))
            .values(
                owner=owner,
                lease_until=clock() + current_app.config["LEASE_SECONDS"],
                attempts=model.attempts + 1,
                **values,
            )
            .execution_options(synchronize_session=False)
        )
        if _count(taken) == 0:
            return None
    job = db.session.get(model, row, populate_existing=True)
    if job is None or job.owner != owner:
        return None
    # A snapshot: read again from the table, ``owner`` would become that of whoever took the job away.
    db.session.expunge(job)
    db.session.rollback()
    return job


def _count(result: Any) -> int:
    return int(result.rowcount)


def claim_fetch() -> Scan | None:
    """Take the next scan that is to be fetched: the clients take turns, and nobody's second goes before a first.

    A fetch from a slow server holds its place for minutes, so no client may have the last one: it is for the others.
    Nor is more fetched for a client than is scanned soon: what waits here has a place in the queue, what waits for the
    engine has none, and fills the disk.
    """
    slots = current_app.config["FETCH_SLOTS"]
    running = select(Scan.client, func.count()).where(Scan.state.in_(FETCHING), _running(Scan)).group_by(Scan.client)
    held = dict(db.session.execute(running).tuples().all())
    if sum(held.values()) >= slots:
        return None
    fetched = (
        select(Scan.client, func.count())
        .where(Scan.state == State.SCANNING, Scan.batches_done == 0)
        .group_by(Scan.client)
        .having(func.count() >= AHEAD * current_app.config["SCAN_PROCESSES"])
    )
    sated = {client for client, count in held.items() if count >= max(1, slots - 1)}
    sated.update(client for client, _ in db.session.execute(fetched))
    return _claim(
        Scan,
        FETCHING,
        waiting_scans().where(Scan.client.not_in(sated)),
        state=State.FETCHING,
        started_at=func.coalesce(Scan.started_at, now()),
        updated_at=now(),
    )


def waiting_scans() -> Select[int]:
    """Select the scans that wait for a fetch, the next one first.

    Each scan's turn is its place among the waiting ones of its client, after those that the client has under way: so
    the clients go round-robin, and nobody's second scan goes before another's first.
    """
    place = func.row_number().over(partition_by=Scan.client, order_by=Scan.id)
    waiting = (
        select(Scan.id, Scan.client, place.label("place"))
        .where(Scan.state.in_(FETCHING), free(Scan))
        .subquery("waiting")
    )
    under_way = (
        select(Scan.client, func.count().label("scans"))
        .where(Scan.state.in_(UNDER_WAY), or_(Scan.state.not_in(FETCHING), _running(Scan)))
        .group_by(Scan.client)
        .subquery("under_way")
    )
    return (
        select(Scan.id)
        .join(waiting, waiting.c.id == Scan.id)
        .outerjoin(under_way, under_way.c.client == Scan.client)
        .order_by(waiting.c.place + func.coalesce(under_way.c.scans, 0), Scan.id)
    )


def fetches_wait() -> bool:
    """Return whether a scan waits for its fetch."""
    found = db.session.scalar(select(Scan.id).where(Scan.state.in_(FETCHING), free(Scan)).limit(1))
    # What is claimed next is looked for among what there is then.
    db.session.rollback()
    return found is not None


def claim_for_engine() -> Scan | Batch | None:
    """Take the next job for the engine: of the client with the fewest workers, and of those an assembly first."""
    claims: list[Callable[[], Scan | Batch | None]] = [claim_assembly, claim_batch]
    assembly = db.session.execute(_assemblies().limit(1)).first()
    batch = db.session.execute(_batches().limit(1)).first()
    if assembly is not None and batch is not None and batch.workers < assembly.workers:
        claims.reverse()
    for claim in claims:
        if job := claim():
            return job
    return None


def claim_batch() -> Batch | None:
    """Take the next batch."""
    return _claim(Batch, OPEN, _batches(), state=JobState.RUNNING)


def claim_assembly() -> Scan | None:
    """Take the next scan whose findings are all in."""
    return _claim(Scan, (State.ASSEMBLING,), _assemblies())


def _batches() -> Select[Any]:
    """Select the batches that wait: of the client, and of its scan, with the fewest workers; small scans first.

    A worker comes back for the next batch after a second or two, so a scan that arrives while a huge one, or the many
    of one client, have all the workers gets the next that is free.
    """
    on_client = _on_client()
    on_scan = (
        select(Batch.scan_id, func.count().label("workers"))
        .where(Batch.state == JobState.RUNNING, _running(Batch))
        .group_by(Batch.scan_id)
        .subquery("on_scan")
    )
    workers = func.coalesce(on_client.c.workers, 0)
    return (
        select(Batch.id, workers.label("workers"))
        .join(Scan, Scan.id == Batch.scan_id)
        .outerjoin(on_client, on_client.c.client == Scan.client)
        .outerjoin(on_scan, on_scan.c.scan_id == Scan.id)
        .where(Scan.state == State.SCANNING, Batch.state.in_(OPEN), free(Batch))
        .order_by(workers, func.coalesce(on_scan.c.workers, 0), Scan.unpacked_bytes, Scan.id, Batch.number)
    )


def _assemblies() -> Select[Any]:
    """Select the scans whose findings are all in: of the client with the fewest workers, small scans first."""
    on_client = _on_client()
    workers = func.coalesce(on_client.c.workers, 0)
    return (
        select(Scan.id, workers.label("workers"))
        .outerjoin(on_client, on_client.c.client == Scan.client)
        .where(Scan.state == State.ASSEMBLING, free(Scan))
        .order_by(workers, Scan.unpacked_bytes, Scan.id)
    )


def _on_client() -> Any:
    """Count for each client the workers that have the engine work for it."""
    batches = (
        select(Scan.client)
        .select_from(Batch)
        .join(Scan, Scan.id == Batch.scan_id)
        .where(Batch.state == JobState.RUNNING, _running(Batch))
    )
    at_work = batches.union_all(select(Scan.client).where(Scan.state == State.ASSEMBLING, _running(Scan))).subquery(
        "at_work"
    )
    return select(at_work.c.client, func.count().label("workers")).group_by(at_work.c.client).subquery("on_client")


def claim_mail() -> OutMail | None:
    """Take the next mail that is due, unless enough are being sent."""
    if (db.session.scalar(select(func.count()).where(_running(OutMail))) or 0) >= MAILS_AT_ONCE:
        return None
    candidate = (
        select(OutMail.id)
        .where(OutMail.state.in_(OPEN), free(OutMail), OutMail.next_at <= clock())
        .order_by(OutMail.next_at, OutMail.id)
    )
    return _claim(OutMail, OPEN, candidate, state=JobState.RUNNING)


def renew(job: Scan | Batch | OutMail, **values: Any) -> None:
    """Prolong the lease and set ``values``. Raise LeaseLost if the job is no longer ours or its scan is over."""
    model = type(job)
    alive = true() if model is OutMail else _scan_alive(job)
    with writing() as session:
        result = session.execute(
            update(model)
            .where(model.id == job.id, model.owner == job.owner, alive)
            .values(lease_until=clock() + current_app.config["LEASE_SECONDS"], **values)
            .execution_options(synchronize_session=False)
        )
        if _count(result) == 0:
            raise LeaseLost


def _scan_alive(job: Scan | Batch | OutMail) -> Any:
    over = (State.CANCELLED, State.FAILED, State.DONE)
    if isinstance(job, Scan):
        return Scan.state.not_in(over)
    scan_id = job.scan_id
    return select(Scan.id).where(Scan.id == scan_id, Scan.state.not_in(over)).exists()


def finish(job: Scan | Batch | OutMail, **values: Any) -> None:
    """End the lease and set ``values`` inside the caller's transaction. Raise LeaseLost if the job is not ours."""
    model = type(job)
    result = db.session.execute(
        update(model)
        .where(model.id == job.id, model.owner == job.owner)
        .values(owner=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    if _count(result) == 0:
        raise LeaseLost


def give_back(job: Scan | Batch) -> None:
    """Let others have the job at once, as if it had not been taken: its worker was told to stop."""
    model = type(job)
    with writing() as session:
        session.execute(
            update(model)
            .where(model.id == job.id, model.owner == job.owner)
            .values(owner=None, lease_until=None, attempts=model.attempts - 1)
            .execution_options(synchronize_session=False)
        )
