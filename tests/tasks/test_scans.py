"""What can be asked for from the outside: when buttons are pressed twice, and when there is no room."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tasks import scans
from webapp.extensions import db, writing
from webapp.models import Batch, OutMail, Scan, State
from webapp.security import keyed


def test_a_retry_that_comes_late_leaves_what_is_under_way_alone(app: Flask, add_scanning: Callable[..., Scan]) -> None:
    scan = add_scanning(batches=2)

    again = scans.retry(scan)

    assert not again
    assert db.session.get_one(Scan, scan.id, populate_existing=True).state is State.SCANNING
    assert len(db.session.scalars(select(Batch.id)).all()) == 2


def test_a_retry_of_a_scan_that_is_done_leaves_its_mail(app: Flask, add_scan: Callable[..., Scan]) -> None:
    scan = add_scan(state=State.DONE)
    with writing() as session:
        session.add(OutMail(scan_id=scan.id, address="me@example.org", message_id="<1@x>"))

    again = scans.retry(scan)

    assert not again
    assert db.session.scalar(select(OutMail.address)) == "me@example.org"


def test_one_client_cannot_fill_the_queue(app: Flask, add_scan: Callable[..., Scan]) -> None:
    app.config["QUEUE_LIMIT"] = 6
    for _ in range(3):
        add_scan(client=keyed("greedy"))

    with pytest.raises(scans.Busy, match="of yours are waiting already: 3"):
        scans.check_room("greedy")
    scans.check_room("other")


def test_a_full_queue_takes_nothing_from_anybody(app: Flask, add_scan: Callable[..., Scan]) -> None:
    app.config["QUEUE_LIMIT"] = 6
    for number in range(6):
        add_scan(client=str(number))

    with pytest.raises(scans.Busy, match="So many scans are waiting already: 6"):
        scans.check_room("other")
