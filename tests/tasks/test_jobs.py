"""Who may work on what: each row is one worker's at a time, and everybody's turn comes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from tasks import jobs
from webapp.extensions import db, writing
from webapp.models import Batch, OutMail, Scan, State, clock

AddScan = Callable[..., Scan]


def expire(model: type, number: int) -> None:
    """Let the lease of a row run out."""
    with writing() as session:
        session.execute(update(model).where(model.id == number).values(lease_until=clock() - 1))


def test_a_scan_is_given_to_one_worker_only(add_scan: AddScan) -> None:
    scan = add_scan()

    first, second = jobs.claim_fetch(), jobs.claim_fetch()

    assert first is not None
    assert first.id == scan.id
    assert first.state is State.FETCHING
    assert second is None


def test_many_workers_at_once_never_get_the_same_batch(app: Flask, add_scanning: AddScan) -> None:
    add_scanning(batches=12)
    taken: list[int] = []
    start = threading.Barrier(4)

    def work() -> None:
        with app.app_context():
            start.wait()
            # Of workers that want the same row the slower one gets nothing, and asks again at its next doorbell.
            for _ in range(40):
                if batch := jobs.claim_batch():
                    taken.append(batch.id)
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 12
    assert len(set(taken)) == 12


def test_a_lease_that_ran_out_can_be_taken_by_another(add_scanning: AddScan) -> None:
    add_scanning()
    first = jobs.claim_batch()
    assert first is not None
    expire(Batch, first.id)

    second = jobs.claim_batch()

    assert second is not None
    assert second.id == first.id
    assert second.owner != first.owner
    assert second.deaths == 1


def test_whoever_lost_the_lease_can_neither_renew_nor_finish(add_scanning: AddScan) -> None:
    add_scanning()
    first = jobs.claim_batch()
    assert first is not None
    expire(Batch, first.id)
    jobs.claim_batch()

    with pytest.raises(jobs.LeaseLost):
        jobs.renew(first, files_done=1)
    with pytest.raises(jobs.LeaseLost), writing():
        jobs.finish(first, files_done=1)

    assert db.session.get_one(Batch, first.id).files_done == 0


def test_a_renewed_lease_stays(add_scanning: AddScan) -> None:
    add_scanning()
    batch = jobs.claim_batch()
    assert batch is not None
    expire(Batch, batch.id)

    jobs.renew(batch, files_done=1)

    assert jobs.claim_batch() is None


def test_a_cancelled_scan_takes_its_batches_from_their_workers(add_scanning: AddScan) -> None:
    scan = add_scanning()
    batch = jobs.claim_batch()
    assert batch is not None
    with writing() as session:
        session.execute(update(Scan).where(Scan.id == scan.id).values(state=State.CANCELLED))

    with pytest.raises(jobs.LeaseLost):
        jobs.renew(batch)


def test_clients_take_turns(add_scan: AddScan) -> None:
    greedy = [add_scan(client="greedy").id for _ in range(3)]
    other = add_scan(client="other").id

    order = list(db.session.scalars(jobs.waiting_scans()))

    assert order == [greedy[0], other, greedy[1], greedy[2]]


def test_no_more_scans_are_fetched_at_once_than_there_are_slots(app: Flask, add_scan: AddScan) -> None:
    app.config["FETCH_SLOTS"] = 2
    for number in range(3):
        add_scan(client=str(number))

    claims = [jobs.claim_fetch() for _ in range(3)]

    assert [claim is not None for claim in claims] == [True, True, False]


def test_one_client_does_not_hold_the_last_place_for_fetches(app: Flask, add_scan: AddScan) -> None:
    app.config["FETCH_SLOTS"] = 3
    for _ in range(4):
        add_scan(client="greedy")
    mine = [jobs.claim_fetch() for _ in range(3)]
    other = add_scan(client="other")

    claim = jobs.claim_fetch()

    assert [one is not None for one in mine] == [True, True, False]
    assert claim is not None
    assert claim.id == other.id


def test_no_more_is_fetched_for_a_client_than_is_scanned_soon(app: Flask, add_scan: AddScan) -> None:
    app.config["SCAN_PROCESSES"] = 1
    for _ in range(jobs.AHEAD):
        add_scan(client="greedy", state=State.SCANNING)
    add_scan(client="greedy")
    other = add_scan(client="other")

    claims = jobs.claim_fetch(), jobs.claim_fetch()

    assert [claim and claim.id for claim in claims] == [other.id, None]


def test_a_client_whose_scan_was_begun_has_the_next_one_fetched(app: Flask, add_scan: AddScan) -> None:
    app.config["SCAN_PROCESSES"] = 1
    for number in range(jobs.AHEAD):
        add_scan(client="greedy", state=State.SCANNING, batches_done=int(number == 0))
    waiting = add_scan(client="greedy")

    claim = jobs.claim_fetch()

    assert claim is not None
    assert claim.id == waiting.id


def test_one_place_for_fetches_is_for_whoever_comes(app: Flask, add_scan: AddScan) -> None:
    app.config["FETCH_SLOTS"] = 1
    add_scan()

    assert jobs.claim_fetch() is not None


def test_a_scan_that_was_cancelled_a_moment_ago_is_not_claimed(add_scan: AddScan) -> None:
    scan = add_scan(state=State.CANCELLED)
    seen_before = select(Scan.id).where(Scan.id == scan.id)

    claim = jobs._claim(Scan, jobs.FETCHING, seen_before, state=State.FETCHING)

    assert claim is None
    assert db.session.get_one(Scan, scan.id, populate_existing=True).state is State.CANCELLED


def test_a_small_scan_need_not_wait_for_a_huge_one(add_scanning: AddScan) -> None:
    huge = add_scanning(batches=5, client="a")
    jobs.claim_batch()
    small = add_scanning(batches=1, client="b")

    batch = jobs.claim_batch()

    assert batch is not None
    assert batch.scan_id == small.id != huge.id


def test_one_client_with_many_scans_does_not_keep_another_from_its_first(add_scanning: AddScan) -> None:
    for _ in range(4):
        add_scanning(batches=2, client="greedy")
    jobs.claim_batch()
    jobs.claim_batch()
    other = add_scanning(batches=2, client="other")

    batch = jobs.claim_batch()

    assert batch is not None
    assert batch.scan_id == other.id


def test_an_assembly_goes_before_a_batch_of_the_same_client(add_scan: AddScan, add_scanning: AddScan) -> None:
    add_scanning(client="a")
    complete = add_scan(client="a", state=State.ASSEMBLING)

    job = jobs.claim_for_engine()

    assert isinstance(job, Scan)
    assert job.id == complete.id


def test_an_assembly_waits_for_clients_with_fewer_workers(add_scan: AddScan, add_scanning: AddScan) -> None:
    for _ in range(2):
        add_scan(client="greedy", state=State.ASSEMBLING)
    assert isinstance(jobs.claim_for_engine(), Scan)
    other = add_scanning(batches=2, client="other")

    job = jobs.claim_for_engine()

    assert isinstance(job, Batch)
    assert job.scan_id == other.id


def test_an_assembly_counts_as_a_worker_of_its_client(add_scan: AddScan, add_scanning: AddScan) -> None:
    add_scan(client="greedy", state=State.ASSEMBLING)
    jobs.claim_assembly()
    add_scanning(batches=2, client="greedy")
    other = add_scanning(batches=2, client="other")

    batch = jobs.claim_batch()

    assert batch is not None
    assert batch.scan_id == other.id


def test_what_a_client_has_under_way_counts_for_its_turn(add_scan: AddScan, add_scanning: AddScan) -> None:
    add_scanning(client="greedy")
    later = add_scan(client="greedy").id
    first = add_scan(client="other").id

    order = list(db.session.scalars(jobs.waiting_scans()))

    assert order == [first, later]


def test_a_mail_is_not_sent_before_its_time(add_scan: AddScan) -> None:
    scan = add_scan(state=State.DONE)
    with writing() as session:
        session.add(OutMail(scan_id=scan.id, address="me@example.org", message_id="<1@x>"))
        session.flush()
        session.execute(update(OutMail).values(next_at=clock() + 60))

    assert jobs.claim_mail() is None

    with writing() as session:
        session.execute(update(OutMail).values(next_at=clock() - 1))
    assert jobs.claim_mail() is not None
