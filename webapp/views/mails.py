"""No more mails: the link at the end of each, which needs no account and no second mail."""

from __future__ import annotations

import re

from flask import Blueprint, abort, render_template

from webapp import mails
from webapp.extensions import csrf
from webapp.ratelimits import limiter
from webapp.views.privacy import keep_private

blueprint = Blueprint("mails", __name__, url_prefix="/mails")
blueprint.after_request(keep_private)


@blueprint.get("/stop/<digest>")
def ask(digest: str) -> str:
    """Ask once more: programs that look at the links of a mail must not end it for its reader."""
    return render_template("pages/stop.html", digest=_checked(digest), stopped=False)


@blueprint.post("/stop/<digest>")
@limiter.limit("60 per minute")  # Each is a row, whatever digest it names.
@csrf.exempt  # Mail programs post here for their reader (RFC 8058); who knows the digest may.
def stop(digest: str) -> str:
    """End it."""
    mails.opt_out(_checked(digest))
    return render_template("pages/stop.html", digest=digest, stopped=True)


def _checked(digest: str) -> str:
    if not re.fullmatch("[0-9a-f]{32}", digest):
        abort(404)
    return digest
