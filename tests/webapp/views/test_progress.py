from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.webapp.builders import a_batch, a_scan
from webapp.models import State, now
from webapp.views.progress import Progress, Seen, measure, since

SCANNING = Progress(State.SCANNING, "now", files_done=5, files_total=10, eta_seconds=20)


def test_a_count_never_goes_back() -> None:
    shown, seen = since(SCANNING, Seen(files_done=8))

    assert (shown.files_done, seen.files_done) == (8, 8)


def test_a_page_cannot_claim_more_than_there_is() -> None:
    shown, _ = since(SCANNING, Seen(files_done=11))

    assert shown.files_done == 10


def test_an_estimate_counts_down_although_the_speed_falls_a_little() -> None:
    _, seen = since(SCANNING, Seen())

    shown, later = since(replace(SCANNING, eta_seconds=24), seen)

    assert shown.eta_seconds is not None
    assert shown.eta_seconds <= 20
    assert not shown.late
    assert later.due == seen.due


def test_an_estimate_that_was_wrong_says_so_from_then_on() -> None:
    _, seen = since(SCANNING, Seen())

    shown, later = since(replace(SCANNING, eta_seconds=120), seen)
    afterwards, _ = since(replace(SCANNING, eta_seconds=119), later)

    assert shown.late
    assert shown.eta_seconds is not None
    assert shown.eta_seconds > 100
    assert afterwards.late


def test_a_better_estimate_is_taken_at_once() -> None:
    _, seen = since(SCANNING, Seen())

    shown, _ = since(replace(SCANNING, eta_seconds=3), seen)

    assert shown.eta_seconds is not None
    assert shown.eta_seconds <= 3


def test_the_version_changes_with_what_is_seen_and_with_nothing_else() -> None:
    assert replace(SCANNING, updated_at="later", eta_seconds=19.9).version == SCANNING.version
    assert replace(SCANNING, files_done=6).version != SCANNING.version
    assert replace(SCANNING, eta_seconds=200).version != SCANNING.version
    assert replace(SCANNING, late=True).version != SCANNING.version


def test_there_is_no_estimate_from_too_little(app: Flask) -> None:
    young = a_scan(State.SCANNING)
    a_batch(young, files_done=8)
    slow = a_scan(State.SCANNING, scanning_at=now() - timedelta(seconds=60))
    a_batch(slow, files_done=0)

    assert measure(young).eta_seconds is None
    assert measure(slow).eta_seconds is None


def test_large_files_weigh_more_than_small_ones(app: Flask) -> None:
    scan = a_scan(State.SCANNING, files_total=110, scanning_at=now() - timedelta(seconds=90))
    a_batch(scan, files=10, files_done=10, bytes=9_000_000)
    a_batch(scan, number=1, files=100, files_done=0, bytes=1_000)

    left = measure(scan).eta_seconds

    assert left is not None
    assert left < 10


def test_those_who_wait_learn_from_those_who_went_before(app: Flask) -> None:
    begun = now() - timedelta(seconds=100)
    a_scan(
        State.DONE, started_at=begun, finished_at=begun + timedelta(seconds=30), files_total=100, unpacked_bytes=500_000
    )
    a_scan(State.SCANNING, files_total=100, unpacked_bytes=500_000, batches_total=2, batches_done=1)
    first, second = a_scan(), a_scan()

    waits = measure(first).eta_seconds, measure(second).eta_seconds

    assert waits == (15 + 30, 15 + 60)
    assert measure(first).ahead_files == 50


def test_nothing_is_guessed_without_experience(app: Flask) -> None:
    assert measure(a_scan()).eta_seconds is None


def test_the_queue_is_not_worked_out_for_each_who_asks(app: Flask) -> None:
    first = a_scan()
    measure(first)
    kept = app.extensions["outlook"]

    measure(first)
    again = app.extensions["outlook"]
    app.extensions["outlook"] = time.monotonic() - 60, replace(kept[1], positions={})

    assert kept is again
    assert measure(first).position == 1


@pytest.mark.parametrize(
    ("progress", "seconds"),
    [
        (Progress(State.SCANNING, "now", eta_seconds=500), 1),
        (Progress(State.QUEUED, "now", position=1), 1),
        (Progress(State.QUEUED, "now", position=1, eta_seconds=400), 1),
        (Progress(State.QUEUED, "now", position=15, eta_seconds=40), 3),
        (Progress(State.QUEUED, "now", position=25), 5),
        (Progress(State.QUEUED, "now", position=400, eta_seconds=900), 10),
    ],
)
def test_who_waits_far_back_asks_less_often(progress: Progress, seconds: int) -> None:
    assert progress.ask_after == seconds
