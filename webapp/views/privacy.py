"""What keeps pages behind a secret link between those who have the link."""

from __future__ import annotations

from flask import Response


def keep_private(response: Response) -> Response:
    """Keep an answer out of search engines, and out of caches that others share."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
