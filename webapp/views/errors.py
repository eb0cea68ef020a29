"""The pages of requests that cannot be answered, in the same clothes as all others; JSON where JSON was asked for."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from scanner.errors import ScannerError
from tasks.scans import Busy
from webapp.extensions import db
from webapp.forms import ScanForm
from webapp.ratelimits import limiter
from webapp.views.health import counted
from webapp.views.pages import render_start

log = logging.getLogger(__name__)

#: status → what stands above, what stands below; the sentence of the exception goes before the latter if it is ours.
WORDS = {
    400: ("This request makes no sense to us", "Go back, reload the page and try once more."),
    403: ("This is not yours to do", "Begin from the start page."),
    404: ("There is nothing at this address", "Was the link copied whole?"),
    405: ("This address does not work that way", "Begin from the start page."),
    409: ("This cannot be scanned again", "Begin from the start page."),
    413: ("This is more than the form takes", "A URL and a mail address fit; files cannot be sent this way."),
    429: ("That was a lot at once", "Wait a little before the next one."),
    500: ("Something broke on our side", "It has been written to the log. Try again in a moment."),
    503: ("Not at the moment", "Come back in a little while; nothing that was submitted is lost."),
}

_STALE_FORM = "This page had been open for too long, so its form was no longer valid. Press Scan once more."


def register(app: Flask) -> None:
    """Answer exceptions with pages."""
    app.register_error_handler(CSRFError, stale_form)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Busy, busy)
    app.register_error_handler(RateLimitExceeded, too_many)
    app.register_error_handler(OperationalError, database_away)
    app.register_error_handler(ScannerError, report_unreadable)


def answer(code: int, sentence: str = "") -> Response:
    """Build the page, or the JSON, for a status."""
    heading, advice = WORDS.get(code) or (HTTPStatus(code).phrase, "Begin from the start page.")
    sentence = sentence or advice
    if request.path.endswith(".json"):
        response = jsonify(error=sentence)
    elif request.headers.get("HX-Request"):
        response = make_response("")
    else:
        response = make_response(render_template("error.html", code=code, heading=heading, sentence=sentence))
    response.status_code = code
    return response


def http_error(error: HTTPException) -> Response:
    """Answer what werkzeug or a view refused; an exception nobody expected arrives here as a 500."""
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    code = error.code or 500
    # Only our own descriptions are written for the people who read them; werkzeug's are replaced.
    ours = error.description if error.description != type(error).description else None
    response = answer(code, ours or "" if code < 500 else "")
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def stale_form(_error: CSRFError) -> Response:
    """Return the start form with all that was typed; other forms are single buttons, to be pressed again."""
    if request.endpoint != "scans.submit":
        return answer(400, "The page had been open for too long. Go back, reload it and press the button once more.")
    return make_response(render_start(ScanForm(), problem=_STALE_FORM), 400)


def busy(error: Busy) -> Response:
    """Say that no scan can be accepted now, with what was typed still in the form."""
    counted().add({("limits_hit", "busy"): 1})
    if request.endpoint == "scans.submit":
        response = make_response(render_start(ScanForm(), problem=str(error)), 503)
    else:
        response = answer(503, str(error))
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def too_many(error: RateLimitExceeded) -> Response:
    """Say that the client is over its limit, and until when, with what was typed still in the form."""
    if request.endpoint == "scans.submit":
        response = make_response(render_start(ScanForm(), problem=error.description), 429)
    else:
        response = http_error(error)
    if limit := limiter.current_limit:
        response.headers["Retry-After"] = str(max(1, round(limit.reset_at - time.time())))
    return response


def report_unreadable(error: ScannerError) -> Response:
    """Say what is wrong with what is stored, in its own words."""
    log.error("%s: %s", request.path, error)
    return answer(500, f"{error} {error.advice}")


def database_away(error: OperationalError) -> Response:
    """Ask for patience while the database is locked, full or gone."""
    log.error("the database cannot be used: %s", error.orig)
    db.session.rollback()
    response = answer(503)
    response.headers["Retry-After"] = "10"
    return response
