"""For whoever watches over the site: /healthz, /readyz and /metrics."""

from __future__ import annotations

import hmac
import time
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, g, jsonify, request

from tasks import status
from webapp import readiness
from webapp.counters import Kept, duration
from webapp.metrics import CONTENT_TYPE, numbers

blueprint = Blueprint("health", __name__)

#: Not counted among the pages: these are asked for by machines, every few seconds.
UNCOUNTED = frozenset({"health.healthz", "health.readyz", "health.show_metrics", "static"})


@blueprint.get("/healthz")
def healthz() -> tuple[str, dict[str, str]]:
    """Say that this process answers. Touches nothing else: a database that is away is no reason to kill the site."""
    return "ok\n", {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Say whether a scan that is submitted now could be carried out; 503 if not. Whoever may, is told why."""
    checks = readiness.check_all()
    ready = all(check.ok for check in checks)
    answer: dict[str, Any] = {"ready": ready, "checks": {check.name: {"ok": check.ok} for check in checks}}
    if may_watch():
        for check in checks:
            answer["checks"][check.name]["why"] = check.why
        answer["sandboxes"] = _sandboxes() if answer["checks"]["database"]["ok"] else []
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response, 200 if ready else 503


def _sandboxes() -> list[dict[str, Any]]:
    """Return what the kernel of each living worker offers, and what follows from what it does not."""
    try:
        return [{**worker.offers, "missing": status.missing(worker)} for worker in status.living()]
    except Exception:
        # Readiness has said why the database cannot be asked.
        return []


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Tell Prometheus all numbers."""
    if not may_watch():
        abort(403, "Metrics are for the operator: see METRICS_NETWORKS and METRICS_TOKEN.")
    counted().write(at_once=True)
    return Response(numbers(), content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def may_watch() -> bool:
    """Tell whether the client may read what only the operator should: by its token, or by where it is."""
    token = current_app.config["METRICS_TOKEN"]
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
        return True
    if not current_app.config["TRUSTED_PROXIES"] and _came_through_a_proxy():
        # The address is the proxy's, whoever stands behind it.
        return False
    try:
        address = ip_address((request.remote_addr or "").split("%")[0])
    except ValueError:
        return False
    if mapped := getattr(address, "ipv4_mapped", None):
        address = mapped
    return any(address in network for network in current_app.config["METRICS_NETWORKS"])


def _came_through_a_proxy() -> bool:
    return any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"))


def counted() -> Kept:
    """Return what this process of the site has counted since it last wrote it down."""
    kept: Kept = current_app.extensions["counted"]
    return kept


def count_answers(app: Flask) -> None:
    """Count the answers of ``app`` and how long they took."""
    app.extensions["counted"] = Kept()

    @app.before_request
    def start() -> None:
        g.started = time.monotonic()

    @app.after_request
    def count(response: Response) -> Response:
        if request.endpoint not in UNCOUNTED:
            seconds = time.monotonic() - g.get("started", time.monotonic())
            counts = {("answers", str(response.status_code)): 1.0, **duration("answer", "", seconds)}
            if response.status_code == 429:
                counts["limits_hit", "rate"] = 1
            counted().add(counts)
            context = app.app_context()

            @response.call_on_close
            def write() -> None:
                # After the answer has gone out: nobody waits for this.
                with context:
                    counted().write()

        return response
