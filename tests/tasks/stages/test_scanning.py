"""A batch whose workers die is split, and nothing of it is lost, whenever the worker that splits it dies."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from scanner.results import FileEntry
from tasks import jobs, workspaces
from tasks.stages import scan_batch, scanning
from tasks.stages.common import read_manifest, write_manifest
from webapp.extensions import db, writing
from webapp.models import Batch, JobState, Scan, State

FILES = [FileEntry(f"app/{number}.c", 10, "0" * 64) for number in range(5)]


@pytest.fixture
def add_with_files(app: Flask, add_scanning: Callable[..., Scan]) -> Callable[..., Scan]:
    """Give a function that adds a scan with one batch of these files, over which so many workers died."""

    def add(files: list[FileEntry], deaths: int) -> Scan:
        scan = add_scanning()
        with workspaces.scratch() as scratch, writing() as session:
            write_manifest(scan, 0, files, scratch)
            session.execute(update(Batch).values(files=len(files), attempts=deaths))
        return scan

    return add


def _claim() -> Batch:
    batch = jobs.claim_batch()
    assert batch is not None
    return batch


def _files_by_batch(scan: Scan) -> dict[int, list[FileEntry]]:
    numbers = db.session.scalars(select(Batch.number).where(Batch.scan_id == scan.id).order_by(Batch.number))
    return {number: read_manifest(scan, number) for number in numbers}


def test_the_halves_of_a_batch_hold_all_its_files(add_with_files: Callable[..., Scan]) -> None:
    scan = add_with_files(FILES, scanning.DEATHS)

    scan_batch(_claim())

    halves = list(_files_by_batch(scan).values())
    assert len(halves) == 2
    assert [*halves[0], *halves[1]] == FILES
    assert db.session.get_one(Scan, scan.id, populate_existing=True).batches_total == 2


def test_a_split_that_is_cut_short_loses_no_file(
    add_with_files: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = add_with_files(FILES, scanning.DEATHS)
    written = []

    def write(*arguments: object) -> None:
        write_manifest(*arguments)  # type: ignore[arg-type]
        written.append(arguments)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(scanning, "write_manifest", write)

    with pytest.raises(KeyboardInterrupt):
        scan_batch(_claim())

    assert len(written) == 2
    assert _files_by_batch(scan) == {0: FILES}


def test_a_worker_that_lost_its_batch_does_not_split_it(add_with_files: Callable[..., Scan]) -> None:
    scan = add_with_files(FILES, scanning.DEATHS)
    asleep = _claim()
    with writing() as session:
        session.execute(update(Batch).values(owner="another"))

    with pytest.raises(jobs.LeaseLost):
        scan_batch(asleep)

    assert _files_by_batch(scan) == {0: FILES}
    assert db.session.get_one(Scan, scan.id, populate_existing=True).batches_total == 1


@pytest.mark.parametrize("deaths", [scanning.DEATHS, scanning.DEATHS_ALONE - 1])
def test_a_file_is_not_blamed_for_a_few_restarts(
    add_with_files: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch, deaths: int
) -> None:
    scanned: list[FileEntry] = []

    def scan_files(_scan: Scan, _batch: Batch, files: list[FileEntry], *_rest: object) -> tuple[float, Counter[str]]:
        scanned.extend(files)
        raise jobs.LeaseLost

    monkeypatch.setattr(scanning, "_scan", scan_files)
    add_with_files(FILES[:1], deaths)

    with pytest.raises(jobs.LeaseLost):
        scan_batch(_claim())

    assert scanned == FILES[:1]


def test_a_file_over_which_worker_after_worker_died_becomes_an_error(add_with_files: Callable[..., Scan]) -> None:
    scan = add_with_files(FILES[:1], scanning.DEATHS_ALONE)

    last = scan_batch(_claim())

    assert last
    assert db.session.get_one(Scan, scan.id, populate_existing=True).state is State.ASSEMBLING
    assert db.session.scalars(select(Batch.state)).all() == [JobState.DONE]


def test_what_failed_before_does_not_count_against_the_report(add_with_files: Callable[..., Scan]) -> None:
    scan = add_with_files(FILES[:1], scanning.DEATHS_ALONE)
    with writing() as session:
        session.execute(update(Scan).values(failures=2, attempts=3))

    scan_batch(_claim())

    row = db.session.get_one(Scan, scan.id, populate_existing=True)
    assert (row.attempts, row.failures) == (0, 0)


def test_a_batch_that_ends_while_its_scan_is_cancelled_waits_for_it(
    app: Flask, add_scanning: Callable[..., Scan]
) -> None:
    """Whoever locked the batch first and then the scan would wait for the cancellation for ever, and it for him."""
    scan = add_scanning()
    batch = _claim()
    lost = threading.Event()

    def end() -> None:
        with app.app_context(), pytest.raises(jobs.LeaseLost):
            scanning._batch_done(batch, "key", 1, 0.0, Counter())
        lost.set()

    with writing() as session:
        session.execute(update(Scan).where(Scan.id == scan.id).values(state=State.CANCELLED))
        thread = threading.Thread(target=end)
        thread.start()
        time.sleep(0.5)
        session.execute(delete(Batch).where(Batch.scan_id == scan.id))
    thread.join()

    assert lost.is_set()


def test_while_a_batch_is_scanned_no_transaction_is_open(
    add_with_files: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is would keep a migration waiting for its tables, and behind that the whole site."""
    seen: list[bool] = []

    def scan_files(scan: Scan, *_rest: object) -> tuple[float, Counter[str]]:
        assert scan.token
        seen.append(db.session().in_transaction())
        raise jobs.LeaseLost

    monkeypatch.setattr(scanning, "_scan", scan_files)
    add_with_files(FILES, 0)

    with pytest.raises(jobs.LeaseLost):
        scan_batch(_claim())

    assert seen == [False]
