"""Sending the mails that ended scans left in the outbox table."""

from __future__ import annotations

import logging
import smtplib
from contextlib import suppress
from datetime import datetime

from sqlalchemy import update

from tasks import jobs
from tasks.heartbeat import Heartbeat
from tasks.jobs import LeaseLost
from tasks.queue import queue
from webapp import counters, mails
from webapp.extensions import db, writing
from webapp.models import JobState, OutMail, Scan, clock, now

log = logging.getLogger(__name__)

#: Seconds before try 2, 3, …; the last one repeats. In all a mail is tried for three days.
PAUSES = (5, 15, 30, 60, 120, 300, 900, 1800, 3600)
TRIES = 80


@queue.task()
@queue.in_app
def deliver() -> None:
    """Send the mails that are due."""
    while not queue.told_to_stop() and (out := jobs.claim_mail()):
        _send(out)
        db.session.remove()


def ring() -> None:
    """Wake a worker for the mails; if the queue is away, the sweep does."""
    try:
        deliver()
    except Exception:
        log.exception("could not ring for the mails: the next sweep will")


def _send(out: OutMail) -> None:
    scan = db.session.get(Scan, out.scan_id)
    if scan is None:
        # Deleted a moment ago, and its mail with it.
        return
    if mails.opted_out(out.address or ""):
        _end(out, scan.created_at, JobState.GIVEN_UP)
        return
    token, created = scan.token, scan.created_at
    try:
        message = mails.build(out, scan)
        db.session.rollback()
        # A server may take longer than a lease; another worker would send the same mail meanwhile.
        with Heartbeat(out):
            mails.send(message)
    except (OSError, smtplib.SMTPException) as error:
        _postpone(out, token, created, error)
        return
    except Exception as error:
        # A fault of ours; the mail waits for its mending as it does for a server's.
        log.exception("scan %s: the mail could not be built or sent", token)
        db.session.rollback()
        _postpone(out, token, created, error)
        return
    _end(out, created, JobState.DONE)
    log.info("scan %s: mail sent", token)


def _end(out: OutMail, created: datetime, state: JobState) -> None:
    """Note that the mail is gone, or never will be, and forget its address."""
    with suppress(LeaseLost), writing() as session:
        # A scan that was put into the queue again meanwhile has its address for a mail of its own.
        # Nothing that its page shows changes, so neither does the time of the last change.
        session.execute(
            update(Scan)
            .where(Scan.id == out.scan_id, Scan.created_at == created)
            .values(address=None, updated_at=Scan.updated_at)
        )
        # Where this is lost it was sent all the same; another worker may send it again, under the same Message-ID.
        jobs.finish(out, state=state, address=None, sent_at=now() if state is JobState.DONE else None)
        counters.add(session, {("mails", "sent" if state is JobState.DONE else "given-up"): 1})


def _postpone(out: OutMail, token: str, created: datetime, error: Exception) -> None:
    """Try again later, or never if the server refuses the recipient for good."""
    # The text of the server's answer may hold the address, so only its class and code are logged.
    code = getattr(error, "smtp_code", None)
    refused = isinstance(error, smtplib.SMTPRecipientsRefused) and all(
        code >= 500 for code, _ in error.recipients.values()
    )
    over = refused or out.attempts >= TRIES
    log.warning(
        "scan %s: mail not sent (%s %s), %s",
        token,
        type(error).__name__,
        code or "",
        "given up" if over else "will be tried again",
    )
    if over:
        _end(out, created, JobState.GIVEN_UP)
        return
    pause = PAUSES[min(out.attempts, len(PAUSES)) - 1]
    with suppress(LeaseLost), writing() as session:
        jobs.finish(out, state=JobState.WAITING, next_at=clock() + pause)
        counters.add(session, {("mails", "postponed"): 1})
