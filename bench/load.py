"""Many watchers and many submissions while both cores scan: ``python -m bench.load``.

A watcher does what the waiting page does in the browser of somebody who has just submitted: it asks for what has
changed as often as the page says, and for the report when there is one; then it takes the next. Printed: for each page
its requests, errors and 95th percentile; how many submissions were accepted and how many were asked to come back later;
and whether all that was accepted ended.

All clients are one thread: hundreds of threads would take the processors that they measure.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp

from bench.pages import Times, ask_after, shown
from tests import trees
from tests.servers.http import HttpServer, content
from tests.servers.site import Site

FINAL = ("done", "failed", "cancelled")
#: What the site answers to the question for progress once a scan is over.
OVER = 286
#: Seconds until a client gives up.
PATIENCE = aiohttp.ClientTimeout(60)
#: Clients that give up, and servers that close a connection, are counted; anything else is a defect of this file.
NO_ANSWER = (aiohttp.ClientError, TimeoutError)


class Load:
    def __init__(self, site: Site, url: str, options: argparse.Namespace) -> None:
        self.site, self.url, self.options = site, url, options
        self.times = Times()
        self.pages: list[str] = []
        #: Accepted, and nobody looks on yet.
        self.unwatched: list[str] = []
        #: Of the submissions, by status, or by what came instead of an answer.
        self.answers: Counter[int | str] = Counter()
        #: What came to watchers instead of an answer.
        self.failures: Counter[str] = Counter()
        self.end = 0.0

    async def run(self) -> None:
        self.end = time.monotonic() + self.options.seconds
        watchers = (self._watch() for _ in range(self.options.watchers))
        submitters = (self._submit(number) for number in range(self.options.submitters))
        await asyncio.gather(*watchers, *submitters)

    async def _submit(self, number: int) -> None:
        pause = self.options.submitters / self.options.per_second
        async with _client() as client:
            async with client.get(self.site.url) as start:
                token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', await start.text())
            assert token
            due = time.monotonic() + pause * number / self.options.submitters
            # By a timetable: a slow site is not spared by those who wait for its answers.
            while await self._goes_on(due - time.monotonic()):
                due += pause
                started = time.perf_counter()
                try:
                    async with client.post(
                        f"{self.site.url}/scans", data={"csrf_token": token[1], "url": self.url}, allow_redirects=False
                    ) as answer:
                        await answer.read()
                except NO_ANSWER as error:
                    self.answers[type(error).__name__] += 1
                    continue
                self.times.note("submit", started, answer.status)
                self.answers[answer.status] += 1
                if answer.status == 303:
                    self.pages.append(answer.headers["Location"])
                    self.unwatched.append(answer.headers["Location"])

    async def _watch(self) -> None:
        async with _client() as client:
            while await self._goes_on(0.1):
                if self.unwatched:
                    try:
                        await self._follow(client, self.site.url + self.unwatched.pop())
                    except NO_ANSWER as error:
                        self.failures[type(error).__name__] += 1

    async def _follow(self, client: aiohttp.ClientSession, page: str) -> None:
        _, html = await self._get(client, "waiting page", page)
        while await self._goes_on(ask_after(html)):
            status, text = await self._get(client, "progress", f"{page}/progress", shown(html))
            if status == OVER:
                await self._get(client, "report", page)
                return
            html = text or html

    async def _get(
        self, client: aiohttp.ClientSession, name: str, url: str, params: dict[str, str] | None = None
    ) -> tuple[int, str]:
        started = time.perf_counter()
        async with client.get(url, params=params) as answer:
            text = await answer.text()
        self.times.note(name, started, answer.status)
        return answer.status, text

    async def _goes_on(self, seconds: float) -> bool:
        left = self.end - time.monotonic()
        await asyncio.sleep(max(0.0, min(seconds, left)))
        return seconds < left

    def unfinished(self, patience: float) -> int:
        """Return how many of the accepted scans have not ended after ``patience`` seconds."""
        left, deadline = set(self.pages), time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = {page for page in left if self.site.status(self.site.url + page)["state"] not in FINAL}
            time.sleep(1)
        return len(left)


def _client() -> aiohttp.ClientSession:
    # Cookies of an address without a name are refused otherwise; each client is a browser of its own.
    return aiohttp.ClientSession(timeout=PATIENCE, cookie_jar=aiohttp.CookieJar(unsafe=True))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=20, help="submissions")
    parser.add_argument("--submitters", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--patience", type=float, default=1800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, HttpServer() as http:
        http.routes["/hello.tgz"] = content(trees.tar_gz(trees.PACKAGE))
        with Site(Path(folder) / "instance", REUSE_REPORTS="no") as site:
            load = Load(site, http.url("/hello.tgz"), options)
            asyncio.run(load.run())
            print(load.times.table())
            print("submissions by status:", dict(load.answers))
            print("watchers without an answer:", dict(load.failures))
            print(f"accepted {len(load.pages)}, not ended after all: {load.unfinished(options.patience)}")


if __name__ == "__main__":
    main()
