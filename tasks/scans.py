"""Scans from the outside: submit, scan again, retry, cancel."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from flask import current_app
from sqlalchemy import func, select, update

from scanner import sources
from scanner.errors import SourceRefused
from scanner.fetch import digest_of
from scanner.results import Source
from scanner.urls import safe_name
from tasks import jobs, workspaces
from tasks.work import ring
from webapp import counters
from webapp.extensions import db, writing
from webapp.mails import check_address
from webapp.models import FINAL, Batch, OutMail, Scan, State, now
from webapp.results import storage
from webapp.security import keyed

log = logging.getLogger(__name__)


class Busy(Exception):
    """No scan can be accepted now; the sentence says why, ``retry_after`` in how many seconds to come back."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


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
        raise Busy(f"So many scans are waiting already: {everybodys}. Please come back in a few minutes.", 300)
    own = db.session.scalar(select(func.count()).where(waiting, Scan.client == keyed(client))) or 0
    if own + wanted > max(1, most // 2):
        raise Busy(f"So many scans of yours are waiting already: {own}. Please come back when some are done.", 300)
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
