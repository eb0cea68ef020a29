"""The mails: what they say and how they leave. Deciding when to send one is the business of tasks.mails."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, render_template
from flask_mail import Message

from webapp.extensions import db, mail, writing
from webapp.models import OptOut, OutMail, Scan, State
from webapp.ratelimits import DatabaseStorage
from webapp.security import keyed

log = logging.getLogger(__name__)

#: Seconds in which an address gets no more than MAILS_PER_DAY mails.
DAY = 86_400


class AddressRefused(Exception):
    """No mail may go to this address; the sentence says why."""


#: Seconds that the mail server may take for one answer.
TIMEOUT = 30


def check_address(address: str, mails: int = 1) -> None:
    """Count so many mails for ``address``. Raise AddressRefused if it asked for none, or has had its share today."""
    if opted_out(address):
        raise AddressRefused("This address asked to get no mails from here. Leave the field empty, and keep the link.")
    if DatabaseStorage().incr(f"mail/{_digest(address)}", DAY, mails) > current_app.config["MAILS_PER_DAY"]:
        raise AddressRefused("This address has had its share of mails for today. Leave the field empty this time.")


def opted_out(address: str) -> bool:
    """Tell whether ``address`` asked for no more mails."""
    found = db.session.get(OptOut, _digest(address)) is not None
    db.session.rollback()
    return found


def opt_out(digest: str) -> None:
    """Note that the address of this digest wants no more mails."""
    with writing() as session:
        session.merge(OptOut(digest=digest))


def _digest(address: str) -> str:
    return keyed(f"mail {address.casefold()}")


def build(out: OutMail, scan: Scan) -> Message:
    """Build the mail that tells how ``scan`` ended.

    No text of the stranger's goes into a header: the subject is made of ScanCode's own words and our constants.
    """
    name = "done" if scan.state == State.DONE else "failed"
    base = current_app.config["BASE_URL"]
    stop = f"{base}/mails/stop/{_digest(out.address or '')}"
    values = {"scan": scan, "link": link_to(scan), "digest": scan.digest or {}, "base_url": base, "stop": stop}
    message = Message(
        subject=_subject(scan),
        recipients=[out.address or ""],
        body=render_template(f"mails/{name}.txt", **values),
        html=render_template(f"mails/{name}.html", **values),
        sender=current_app.config["MAIL_DEFAULT_SENDER"],
        extra_headers={
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
            # RFC 8058: mail programs show a button of their own, which posts.
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    message.msgId = out.message_id
    # The same mail, sent again after a kill, bears the same date, too.
    message.date = out.created_at.timestamp()
    return message


def link_to(scan: Scan) -> str:
    """Return the address of a scan's page, from the settings: the Host header is the client's to choose."""
    return f"{current_app.config['BASE_URL']}/scans/{scan.token}"


def _subject(scan: Scan) -> str:
    if scan.state != State.DONE:
        return "Your scan could not be finished"
    digest: dict[str, Any] = scan.digest or {}
    licence = digest.get("declared_license_spdx") or "no declared licence"
    if len(licence) > 60:
        licence = "several licences"
    score = digest.get("clarity_score")
    return f"Your scan is done: {licence}" + (f", clarity {score}/100" if score is not None else "")


def send(message: Message) -> None:
    """Send ``message`` by the configured server, or into the outbox folder. Raise OSError or smtplib.SMTPException."""
    if current_app.config["MAIL_SERVER"]:
        with _patience(TIMEOUT), mail.connect() as connection:
            connection.send(message)
        return
    outbox = current_app.config["INSTANCE"] / "outbox"
    outbox.mkdir(mode=0o700, exist_ok=True)
    name = "".join(c for c in str(message.msgId) if c.isalnum() or c in ".-_")
    draft = outbox / f".{name}.{os.getpid()}"
    draft.write_bytes(message.as_bytes())
    draft.rename(outbox / f"{name}.eml")
    log.warning("no MAIL_SERVER is set: the mail is in %s", outbox / f"{name}.eml")


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Let connections made in the block wait no longer than ``seconds``: Flask-Mail has no setting for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
