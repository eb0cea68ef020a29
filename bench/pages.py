"""How long each page takes while scans go on: ``python -m bench.pages [--watchers N] [--seconds N]``.

Watchers poll the waiting pages as browsers do, while a package is scanned over and over; the pages
of a finished report are asked for in between. Printed for each page: requests, errors, median and 95th percentile.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import requests

from bench.measure import pss
from bench.subjects import folder_of, packed
from tests.servers.http import HttpServer, content
from tests.servers.site import Site

REPORT_PAGES = ("", "/licences", "/files", "/packages", "/about", "/status.json")


class Times:
    """Milliseconds by page."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: dict[str, int] = defaultdict(int)

    def get(
        self, session: requests.Session, name: str, url: str, params: dict[str, str] | None = None
    ) -> requests.Response:
        started = time.perf_counter()
        answer = session.get(url, params=params, timeout=30)
        self.note(name, started, answer.status_code)
        return answer

    def note(self, name: str, started: float, status: int) -> None:
        """Count an answer that was asked for at ``started``, of ``time.perf_counter``."""
        self.times[name].append((time.perf_counter() - started) * 1000)
        self.errors[name] += status >= 400

    def table(self) -> str:
        lines = [f"{'page':28} {'requests':>8} {'errors':>6} {'median ms':>10} {'p95 ms':>8}"]
        for name, times in sorted(self.times.items()):
            p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
            lines.append(f"{name:28} {len(times):8} {self.errors[name]:6} {statistics.median(times):10.1f} {p95:8.1f}")
        return "\n".join(lines)


def shown(html: str) -> dict[str, str]:
    """Return what a waiting page sends along when it asks for progress."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
    return {name: value for name, value in fields.items() if name != "csrf_token"}


def ask_after(html: str) -> float:
    """Return the seconds after which a waiting page asks again."""
    found = re.search(r'data-ask-after="(\d+)"', html)
    return float(found[1]) if found else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--watchers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, HttpServer() as http:
        http.routes["/flask.tgz"] = content(packed(folder_of("flask")))
        with Site(Path(folder) / "instance", CACHE_BYTES="0", REUSE_REPORTS="no") as site:
            times = _watch(site, http.url("/flask.tgz"), options)
            memory = [pss([pid]) / 1e6 for pid in site.children("gunicorn")]
    print(times.table())
    print("site processes, PSS in MB:", " ".join(f"{one:.0f}" for one in memory))


def _watch(site: Site, url: str, options: argparse.Namespace) -> Times:
    times = Times()
    done = site.submit(url)
    site.wait(done, "done")
    over = threading.Event()
    current = [site.submit(url)]

    def watch() -> None:
        with requests.Session() as session:
            while not over.wait(1.0):
                page = current[0]
                html = times.get(session, "waiting page", page).text
                times.get(session, "progress", f"{page}/progress", shown(html))
                times.get(session, "status.json", f"{page}/status.json")

    def read() -> None:
        with requests.Session() as session:
            while not over.wait(0.2):
                for name in REPORT_PAGES:
                    times.get(session, f"report {name or '/'}", done + name)
                times.get(session, "start", site.url)

    threads = [threading.Thread(target=watch) for _ in range(options.watchers)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        site.wait(current[0], "done", seconds=300)
        current[0] = site.submit(url)
    over.set()
    for thread in threads:
        thread.join()
    return times


if __name__ == "__main__":
    main()
