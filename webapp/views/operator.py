"""The operator's page: what runs, what waits, what failed, and what Huey has in its queue. It changes nothing."""

from __future__ import annotations

import hmac
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from tasks import status
from tasks.queue import queue
from webapp import readiness
from webapp.extensions import db
from webapp.models import Batch, JobState, OutMail, Scan, State, clock, now
from webapp.ratelimits import limiter
from webapp.views.privacy import keep_private

log = logging.getLogger(__name__)

blueprint = Blueprint("operator", __name__)
blueprint.after_request(keep_private)

#: Rows of each table on the page.
ROWS = 20


@dataclass(frozen=True)
class Job:
    """One thing that a worker does now, or should do."""

    token: str
    doing: str
    attempts: int
    #: Seconds until its lease ends; negative where nobody renewed it.
    lease: float
    worker: str


@blueprint.get("/operator")
@limiter.limit(
    "10 per minute",
    # Only wrong passwords count.
    deduct_when=lambda response: response.status_code == 401,
    error_message="That was a lot of wrong passwords. Wait a minute.",
)
def show() -> Response:
    """Show the page to whoever knows OPERATOR_PASSWORD; there is none without that setting."""
    if not current_app.config["OPERATOR_PASSWORD"]:
        abort(404)
    if not _knows_password():
        response = make_response("The password is asked for.\n", 401)
        response.headers["WWW-Authenticate"] = 'Basic realm="Scanpost operator", charset="UTF-8"'
        response.content_type = "text/plain; charset=utf-8"
        return response
    checks = readiness.check_all()
    values: dict[str, Any] = {"checks": checks, "tables": False, "now": now()}
    if all(check.ok for check in checks if check.name in ("database", "migrations")):
        values |= {"tables": True, **_from_tables()}
    return make_response(render_template("operator.html", queue=_huey(), **values))


def _knows_password() -> bool:
    given = (request.authorization.password if request.authorization else None) or ""
    return hmac.compare_digest(given.encode(), current_app.config["OPERATOR_PASSWORD"].encode())


def _from_tables() -> dict[str, Any]:
    moment = db.session.scalar(select(clock())) or 0.0
    states = _by_state(Scan.state)
    mails = _by_state(OutMail.state)
    return {
        "states": [(state.value, states.get(state, 0)) for state in State],
        "oldest": db.session.scalar(select(func.min(Scan.created_at)).where(Scan.state == State.QUEUED)),
        "mails": [(state.value, mails.get(state, 0)) for state in JobState],
        "workers": [
            (worker, moment - worker.seen_at, status.missing(worker), status.disagreements(worker))
            for worker in status.living()
        ],
        "jobs": _jobs(moment),
        "failed": _failed(),
    }


def _by_state(column: InstrumentedAttribute[Any]) -> dict[Any, int]:
    rows = db.session.execute(select(column, func.count()).group_by(column))
    return {row[0]: row[1] for row in rows}


def _jobs(moment: float) -> list[Job]:
    """Return what is under way, whoever has been at it without a sign for longest first."""
    scans = db.session.scalars(
        select(Scan).where(Scan.owner.is_not(None), Scan.state.in_(status.LEASED)).order_by(Scan.lease_until)
    )
    batches = db.session.execute(
        select(Batch, Scan.token)
        .join(Scan, Scan.id == Batch.scan_id)
        .where(Batch.owner.is_not(None))
        .order_by(Batch.lease_until)
    )
    jobs: list[tuple[str, str, Scan | Batch]] = [
        *((scan.token, scan.state.value, scan) for scan in scans),
        *((token, f"scanning: {batch.files_done} of {batch.files} files", batch) for batch, token in batches),
    ]
    return [
        Job(_short(token), doing, row.attempts, (row.lease_until or moment) - moment, _place(row.owner))
        for token, doing, row in jobs[:ROWS]
    ]


def _failed() -> list[tuple[str, datetime | None, str | None, str | None]]:
    rows = db.session.execute(
        select(Scan.token, Scan.finished_at, Scan.error_code, Scan.error)
        .where(Scan.state == State.FAILED)
        .order_by(Scan.finished_at.desc())
        .limit(ROWS)
    )
    return [(_short(token), finished, code, error) for token, finished, code, error in rows]


def _place(owner: str | None) -> str:
    """Return the host and the process of a claim."""
    return (owner or "").rsplit(":", 1)[0]


def _short(token: str) -> str:
    """Return enough of a token for `flask scans show`, and too little to read the report with."""
    return token[:8]


def _huey() -> dict[str, Any]:
    """Return what Huey has in its queue, by the names of its tasks."""
    try:
        return {
            "pending": queue.pending_count(),
            "scheduled": queue.scheduled_count(),
            "names": Counter(task.name for task in (*queue.pending(limit=1000), *queue.scheduled(limit=1000))),
        }
    except Exception as error:
        log.warning("the queue cannot be asked: %s", error)
        return {}
