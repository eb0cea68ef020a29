"""From what an address says to what it means; "not found" becomes 404 here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import abort, current_app, redirect, request, url_for
from sqlalchemy import select

from reports.store import Report
from webapp.extensions import db
from webapp.filters import counted
from webapp.models import Scan, State
from webapp.results import open_report

#: Pages of a list end here: nobody turns so many, and numbers beyond would be work for nothing.
LAST_PAGE = 1_000_000


def find_scan(token: str) -> Scan:
    """Return the scan of that token, or end the request with 404."""
    scan = db.session.scalar(select(Scan).where(Scan.token == token))
    if scan is None:
        days = counted(current_app.config["RETENTION_DAYS"], "day")
        abort(404, f"No scan has this address. Was the link copied whole? Scans are removed after {days}.")
    return scan


def find_related(scan: Scan) -> dict[str, Scan | None]:
    """Return the scan that this one repeats as "earlier", and the newest that repeats this one as "newer"."""
    earlier = select(Scan).where(Scan.token == scan.earlier_token)
    newer = select(Scan).where(Scan.earlier_token == scan.token).order_by(Scan.id.desc()).limit(1)
    return {
        "earlier": db.session.scalar(earlier) if scan.earlier_token else None,
        "newer": db.session.scalar(newer),
    }


def find_finished(token: str) -> Scan:
    """Return the scan if it has a report; one that has none has only its own page, and the request ends there."""
    scan = find_scan(token)
    if scan.state is not State.DONE:
        abort(redirect(url_for("scans.show", token=scan.token), 303))
    return scan


@contextmanager
def find_report(token: str) -> Iterator[tuple[Scan, Report]]:
    """Give a finished scan and its report."""
    scan = find_finished(token)
    with open_report(scan) as report:
        yield scan, report


def page_number() -> int:
    """Return the page that the address asks for; anything that is none is the first."""
    return min(max(request.args.get("page", 1, type=int), 1), LAST_PAGE)
