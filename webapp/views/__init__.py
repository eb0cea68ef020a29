"""The pages: each view checks what it was sent, makes one call, and answers."""

from __future__ import annotations

from flask import Flask, Response, request

#: Seconds that browsers may keep a static file: its address changes with its content.
KEPT = 365 * 24 * 60 * 60


def register(app: Flask) -> None:
    """Add all pages to ``app``."""
    from webapp.views import badge, downloads, errors, health, mails, operator, other_ways, pages, report, scans

    for module in (pages, scans, other_ways, report, downloads, badge, mails, health, operator):
        app.register_blueprint(module.blueprint)
    other_ways.admit(app)
    errors.register(app)
    health.count_answers(app)
    app.after_request(_keep_static)


def _keep_static(response: Response) -> Response:
    """Let browsers keep static files for as long as their address is the same."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.immutable = True
        response.cache_control.max_age = KEPT
    return response
