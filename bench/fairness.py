"""One greedy client beside a visitor: ``python -m bench.fairness``.

Printed: how long express takes from the form to the report on an idle site, and how long for a new visitor while Django
and twenty more scans of one client wait or are under way. No finding is known before, and no report is used again.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin

import requests

from bench.subjects import folder_of, packed
from tests.servers.http import HttpServer, content
from tests.servers.site import Site

RUNS = 3
#: How much longer the visitor may wait for the greedy client's sake.
MOST = 3.0
GREEDY, VISITORS = "203.0.113.7", "198.51.100.{}"
FINAL = ("done", "failed", "cancelled")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--scans", type=int, default=20, help="of the greedy client, beside Django")
    options = parser.parse_args()
    settings = {"CACHE_BYTES": "0", "REUSE_REPORTS": "no", "TRUSTED_PROXIES": "1"}
    with tempfile.TemporaryDirectory() as folder, HttpServer() as http, Site(Path(folder), **settings) as site:
        for name in ("express", "django", "flask"):
            http.routes[f"/{name}.tgz"] = content(packed(folder_of(name)))
        idle = [_express(site, http, number) for number in range(RUNS)]
        print(f"idle: median {statistics.median(idle):.2f} s  {_each(idle)}", flush=True)

        greedy = [_submit(site, http.url("/django.tgz"), GREEDY)]
        greedy += [_submit(site, http.url("/flask.tgz"), GREEDY) for _ in range(options.scans)]
        site.wait(greedy[0], "scanning", seconds=300)
        busy = [_express(site, http, RUNS + number) for number in range(RUNS)]
        print(f"busy: median {statistics.median(busy):.2f} s  {_each(busy)}", flush=True)
        left = sum(site.status(page)["state"] not in FINAL for page in greedy)
        print(f"of the greedy client's {len(greedy)} scans {left} were not over yet")

    ratio = statistics.median(busy) / statistics.median(idle)
    print(f"ratio {ratio:.2f}, at most {MOST:.0f} is promised")
    raise SystemExit(ratio > MOST or not left)


def _express(site: Site, http: HttpServer, number: int) -> float:
    """Scan express for a visitor who was never here before; return the seconds from the form to the report."""
    started = time.monotonic()
    site.wait(_submit(site, http.url("/express.tgz"), VISITORS.format(number)), "done", seconds=600)
    return time.monotonic() - started


def _submit(site: Site, url: str, client: str) -> str:
    with requests.Session() as session:
        session.headers["X-Forwarded-For"] = client
        page = session.get(site.url, timeout=60).text
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
        assert token
        fields = {"csrf_token": token[1], "url": url}
        answer = session.post(f"{site.url}/scans", fields, allow_redirects=False, timeout=60)
        assert answer.status_code == 303, answer.text
        return urljoin(site.url, answer.headers["Location"])


def _each(times: list[float]) -> str:
    return "(" + " ".join(f"{seconds:.2f}" for seconds in times) + ")"


if __name__ == "__main__":
    main()
