"""A badge: the answer in a picture for somebody else's page."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from webapp.filters import category
from webapp.models import Scan, State
from webapp.views.lookup import find_scan

blueprint = Blueprint("badge", __name__, url_prefix="/scans/<token>")

#: Longer expressions say less than "several".
LONGEST = 40


@blueprint.get("/badge.svg")
def badge(token: str) -> Response:
    """Draw the badge of a scan."""
    scan = find_scan(token)
    words, slug = _words(scan)
    response = Response(render_template("badge.svg", words=words, slug=slug), mimetype="image/svg+xml")
    # Pages that show the badge show it to many: a minute old is new enough, and it may be kept by anybody.
    response.headers["Cache-Control"] = "public, max-age=60" if not scan.state.final else "public, max-age=3600"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _words(scan: Scan) -> tuple[str, str]:
    """Return what the badge says, and the slug of the category that colours it."""
    if scan.state is not State.DONE:
        return ("no report" if scan.state.final else "being scanned"), "unknown"
    digest = scan.digest or {}
    declared = digest.get("declared_license_spdx") or "none declared"
    categories = digest.get("categories") or [None]
    return (declared if len(declared) <= LONGEST else "several"), category(categories[0]).slug
