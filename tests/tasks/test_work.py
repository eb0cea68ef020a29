"""What becomes of a scan whose stage fails, or whose worker stops or dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from scanner.errors import DiskFull
from tasks import jobs, scans, stages, sweep, work
from tasks.stages.common import engine
from webapp.extensions import db, writing
from webapp.models import Scan, State, clock
from webapp.results import storage


def test_a_full_disk_ends_a_scan_only_if_it_stays_full(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(scan: Scan) -> int:
        raise DiskFull

    monkeypatch.setattr(stages, "fetch", fetch)
    app.config["LEASE_SECONDS"] = 0
    scan_id = add_scan().id

    states = []
    for _ in range(work.TRIES):
        job = jobs.claim_fetch()
        assert job is not None
        work._run(job, work._fetch)
        states.append(db.session.get_one(Scan, scan_id, populate_existing=True).state)
        db.session.rollback()

    assert states == [State.FETCHING, State.FETCHING, State.FAILED]
    assert db.session.get_one(Scan, scan_id).error == "The disk of this site is full."


def test_a_scan_over_which_worker_after_worker_dies_ends_with_a_reason(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "fetch", lambda _scan: pytest.fail("it was begun once more"))
    scan_id = add_scan().id
    for _ in range(work.DEATHS):
        assert jobs.claim_fetch() is not None
        with writing() as session:
            session.execute(update(Scan).values(lease_until=clock() - 1))

    work._work_once()

    ended = db.session.get_one(Scan, scan_id, populate_existing=True)
    assert ended.state is State.FAILED
    assert ended.error == "Our scanner was stopped again and again while it worked on this."


def test_a_worker_that_is_told_to_stop_gives_its_job_back(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(scan: Scan) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "fetch", fetch)
    add_scan()

    with pytest.raises(KeyboardInterrupt):
        work._work_once()

    again = jobs.claim_fetch()
    assert again is not None
    assert again.deaths == 0


def test_a_worker_that_is_told_to_stop_takes_nothing_more(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work.queue, "told_to_stop", lambda: True)
    scan_id = add_scan().id

    work.work.call_local()

    assert db.session.get_one(Scan, scan_id, populate_existing=True).state is State.QUEUED


def test_while_a_stage_runs_no_transaction_is_open(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is would keep a migration waiting for its tables, and behind that the whole site."""
    seen: list[bool] = []

    def fetch(_scan: Scan) -> int:
        seen.append(db.session().in_transaction())
        return 1

    monkeypatch.setattr(stages, "fetch", fetch)
    add_scan()

    work._work_once()

    assert seen == [False]


def test_what_a_worker_wrote_for_a_scan_that_was_deleted_goes_too(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scan = add_scan()
    late = tmp_path / "late"
    late.write_bytes(b"late")

    def fetch(claimed: Scan) -> int:
        scans.cancel(claimed)
        sweep.remove(db.session.get_one(Scan, claimed.id, populate_existing=True))
        storage().put(f"{claimed.prefix}/report-1/report.json.gz", late)
        raise jobs.LeaseLost

    monkeypatch.setattr(stages, "fetch", fetch)

    work._work_once()

    assert storage().size(f"scans/{scan.token}") == 0


def test_a_bell_that_rings_is_not_rung_again(app: Flask) -> None:
    work.queue.flush()

    for _ in range(3):
        work.ring(work.workers() - 1)

    assert len(work.queue) == work.workers()


def test_a_process_has_one_door_to_the_engine(app: Flask) -> None:
    """It may hold the child that scanned a batch until the report is put together."""
    app.config["ENGINE_SOCKET"] = "/run/engine.sock"

    assert engine() is engine()
    assert engine().path == Path("/run/engine.sock")
