"""Many watchers and many submissions while both cores scan: ``python -m bench.load``.

A watcher does what the waiting page does in a browser: it asks for what has changed once a second, and for the report
when there is one. Printed: for each page its requests, errors and 95th percentile; how many submissions were accepted
and how many were asked to come back later; and whether all that was accepted ended.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import requests

from bench.pages import Times, shown
from tests import trees
from tests.servers.http import HttpServer, content
from tests.servers.site import Site

FINAL = ("done", "failed", "cancelled")
#: What the site answers to the question for progress once a scan is over.
OVER = 286


class Load:
    def __init__(self, site: Site, url: str, options: argparse.Namespace) -> None:
        self.site, self.url, self.options = site, url, options
        self.times = Times()
        self.pages: list[str] = []
        #: Of the submissions, by status, or by what came instead of an answer.
        self.answers: Counter[int | str] = Counter()
        #: What came to watchers instead of an answer.
        self.failures: Counter[str] = Counter()
        self.over = threading.Event()

    def run(self) -> None:
        threads = [threading.Thread(target=self._watch, args=(n,)) for n in range(self.options.watchers)]
        threads += [threading.Thread(target=self._submit) for _ in range(self.options.submitters)]
        for thread in threads:
            thread.start()
        self.over.wait(self.options.seconds)
        self.over.set()
        for thread in threads:
            thread.join()

    def _submit(self) -> None:
        pause = self.options.submitters / self.options.per_second
        with requests.Session() as session:
            token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', session.get(self.site.url).text)
            assert token
            while not self.over.wait(pause):
                started = time.perf_counter()
                try:
                    answer = session.post(
                        f"{self.site.url}/scans",
                        {"csrf_token": token[1], "url": self.url},
                        allow_redirects=False,
                        timeout=60,
                    )
                except requests.RequestException as error:
                    self.answers[type(error).__name__] += 1
                    continue
                self.times.times["submit"].append((time.perf_counter() - started) * 1000)
                self.answers[answer.status_code] += 1
                if answer.status_code == 303:
                    self.pages.append(answer.headers["Location"])

    def _watch(self, number: int) -> None:
        with requests.Session() as session:
            while not self.over.wait(1.0):
                if self.pages:
                    page = self.site.url + self.pages[-1 - number % len(self.pages)]
                    try:
                        self._follow(session, page)
                    except requests.RequestException as error:
                        self.failures[type(error).__name__] += 1

    def _follow(self, session: requests.Session, page: str) -> None:
        html = self.times.get(session, "waiting page", page).text
        while not self.over.wait(1.0):
            answer = self.times.get(session, "progress", f"{page}/progress", shown(html))
            if answer.status_code == OVER:
                self.times.get(session, "report", page)
                return
            html = answer.text or html

    def unfinished(self, patience: float) -> int:
        """Return how many of the accepted scans have not ended after ``patience`` seconds."""
        left, deadline = set(self.pages), time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = {page for page in left if self.site.status(self.site.url + page)["state"] not in FINAL}
            time.sleep(1)
        return len(left)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=20, help="submissions")
    parser.add_argument("--submitters", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--patience", type=float, default=1800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, HttpServer() as http:
        http.routes["/hello.tgz"] = content(trees.tar_gz(trees.PACKAGE))
        with Site(Path(folder) / "instance", REUSE_REPORTS="no") as site:
            load = Load(site, http.url("/hello.tgz"), options)
            load.run()
            print(load.times.table())
            print("submissions by status:", dict(load.answers))
            print("watchers without an answer:", dict(load.failures))
            print(f"accepted {len(load.pages)}, not ended after all: {load.unfinished(options.patience)}")


if __name__ == "__main__":
    main()
