"""What a browser may do because it asked for a scan: known by a signed cookie, without any account."""

from __future__ import annotations

from flask import session

from webapp.models import Scan

#: The last so many scans are remembered: a cookie holds 4 kB.
REMEMBERED = 50


def remember(scan: Scan) -> None:
    """Note in the visitor's cookie that this scan is theirs."""
    session["scans"] = [*session.get("scans", []), scan.token][-REMEMBERED:]
    session.permanent = True


def made(scan: Scan) -> bool:
    """Tell whether this visitor asked for the scan."""
    return scan.token in session.get("scans", [])
