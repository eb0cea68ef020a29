"""A mail goes out once, and a mail server that hangs holds up nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tasks import jobs, mails
from tests.servers.smtp import SmtpServer
from webapp.extensions import db, writing
from webapp.models import JobState, OutMail, Scan, State

LEASE = 3


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def environment(environment: dict[str, str], smtp: SmtpServer) -> dict[str, str]:
    own = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(smtp.port), "LEASE_SECONDS": str(LEASE)}
    return {**environment, **own}


@pytest.fixture
def add_mail(add_scan: Callable[..., Scan]) -> Callable[[], None]:
    """Give a function that adds a mail that is due."""

    def add() -> None:
        scan = add_scan(state=State.DONE)
        with writing() as session:
            session.add(OutMail(scan_id=scan.id, address="me@example.org", message_id=f"<{scan.id}@x>"))

    return add


def _deliver(app: Flask) -> None:
    with app.app_context():
        mails.deliver.call_local()
        db.session.remove()


def test_a_mail_server_slower_than_a_lease_is_sent_one_mail(
    app: Flask, smtp: SmtpServer, add_mail: Callable[[], None]
) -> None:
    add_mail()
    smtp.delay = LEASE * 1.8
    first = threading.Thread(target=_deliver, args=(app,))
    first.start()
    time.sleep(LEASE * 1.4)

    _deliver(app)
    first.join()

    assert len(smtp.mails) == 1
    assert db.session.query(OutMail.state).scalar() is JobState.DONE


def test_mails_that_hang_hold_two_workers_at_most(app: Flask, add_mail: Callable[[], None]) -> None:
    for _ in range(3):
        add_mail()

    claims = [jobs.claim_mail() for _ in range(3)]

    assert [claim is not None for claim in claims] == [True, True, False]
