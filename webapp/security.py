"""Headers that every answer carries, and digests that only this site can make."""

from __future__ import annotations

import hmac

from flask import Flask, Response, current_app

#: Nothing but our own files runs or loads; no inline script or style; nobody may frame the site.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def harden(app: Flask) -> None:
    """Add the headers to all answers of ``app``."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", POLICY)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        # The link to a report is a secret: it must not travel to the sites that the report links to.
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if (seconds := app.config["HSTS_SECONDS"]) and app.config["BASE_URL"].startswith("https://"):
            headers.setdefault("Strict-Transport-Security", f"max-age={seconds}")
        return response


def keyed(text: str) -> str:
    """Return the first 32 hex digits of an HMAC-SHA256 of ``text`` under the site's secret.

    So the tables can tell clients and mail addresses apart without holding them.
    """
    return hmac.new(current_app.config["SECRET_KEY"].encode(), text.encode(), "sha256").hexdigest()[:32]
