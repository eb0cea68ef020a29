"""One soak: reference reports first, then scans and disturbances side by side, then the count."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests import trees
from tests.packages import differences
from tests.servers.http import HttpServer, content, drip, status
from tests.servers.site import Site
from tests.servers.smtp import SmtpServer
from tests.soak import disturbances as bad
from tests.soak.services import own_clock, services, small_disk

LEASE = 5
FINAL = ("done", "failed", "cancelled")
#: Seconds after the last disturbance in which everything must have ended.
PATIENCE = 240
#: Seconds that a kill may delay the work: a lease, a sweep and the start of an engine on a busy machine.
RECOVERY = 30


@dataclass
class Outcome:
    """What came of it. All of the counts in ``broken`` must be zero."""

    accepted: int = 0
    refused: int = 0  #: submissions that met a site that was down, or a full disk; nothing was promised for those
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    stuck: int = 0
    finished_twice: int = 0
    mails_missing: int = 0
    mails_doubled: int = 0
    mails_repeated: int = 0  #: the same Message-ID twice: killed between the mail server's yes and our commit
    reports_differ: int = 0
    failed_without_need: int = 0
    longest_recovery: float = 0.0  #: seconds
    disturbances: Counter[str] = field(default_factory=Counter)

    def broken(self) -> list[str]:
        """Return the names of the promises that were not kept."""
        zero = (
            "lost",
            "stuck",
            "finished_twice",
            "mails_missing",
            "mails_doubled",
            "reports_differ",
            "failed_without_need",
        )
        found = [name for name in zero if getattr(self, name)]
        return found + (["longest_recovery"] if self.longest_recovery > RECOVERY else [])

    def table(self) -> str:
        rows = {**vars(self), "failed": sum(self.failed.values()), "disturbances": sum(self.disturbances.values())}
        lines = [
            f"{name.replace('_', ' '):22} {value:>8.1f}"
            if isinstance(value, float)
            else f"{name.replace('_', ' '):22} {value:>8}"
            for name, value in rows.items()
        ]
        lines += [f"  failed: {reason} {count}" for reason, count in self.failed.items()]
        lines += [f"  {name} {count}" for name, count in sorted(self.disturbances.items())]
        return "\n".join(lines)


def _routes() -> dict[str, Any]:
    """Return what there is to scan: small and larger archives, a file, and what cannot be fetched."""
    routes: dict[str, Any] = {f"/rules-{n}.tgz": content(trees.tar_gz(trees.rule_texts(40, 200 * n))) for n in range(3)}
    for n in range(4):
        files = {**trees.PACKAGE, f"hello/extra-{n}.txt": f"Copyright (c) 20{10 + n} Person {n}\n"}
        routes[f"/hello-{n}.zip"] = content(trees.zipped(files))
    # Deep enough for the C stack of the YAML parser: the process that scans this file dies of it.
    files = {**trees.PACKAGE, "hello/pubspec.yaml": "name: hello\nversion: 1.0.0\ndeep: " + "[" * 100_000}
    routes["/kills.tgz"] = content(trees.tar_gz(files))
    routes["/single.c"] = content(trees.PACKAGE["hello/lib/other.c"].encode())
    routes["/gone.zip"] = status(404)
    routes["/drip.zip"] = drip(0.5)
    return routes


class _Soak:
    def __init__(self, world: bad.World, http: HttpServer, tell: Callable[[str], None]) -> None:
        self.world, self.http, self.tell = world, http, tell
        self.outcome = Outcome()
        self.pages: dict[str, str] = {}  #: page → path that was asked for
        self.references: dict[str, Any] = {}
        self.finals: dict[str, set[tuple[str, str]]] = {}
        self.over = threading.Event()

    def make_references(self) -> None:
        site = self.world.site
        pages = {path: site.submit(self.http.url(path)) for path in self.http.routes}
        for path, page in pages.items():
            if site.wait(page, seconds=PATIENCE)["state"] == "done":
                self.references[path] = self._report(page)

    def _report(self, page: str) -> Any:
        return requests.get(f"{page}/report.json", timeout=60).json()

    def submit_all(self, count: int, seconds: float) -> None:
        generator = random.Random(self.world.random.random())
        paths = sorted(self.http.routes)
        for number in range(count):
            self.over.wait(seconds / count * generator.uniform(0.5, 1.5))
            path = generator.choice(paths)
            try:
                page = self.world.site.submit(self.http.url(path), email=f"reader{number}@example.org")
            except (requests.RequestException, AssertionError):
                self.outcome.refused += 1
                continue
            self.pages[page] = path
            self.outcome.accepted += 1

    def disturb(self, count: int, seconds: float) -> None:
        world = self.world
        kinds = bad.all_of(world)
        plan = [kinds[n % len(kinds)] for n in range(count)]
        world.random.shuffle(plan)
        for number, one in enumerate(plan):
            self.over.wait(seconds / count * world.random.uniform(0.5, 1.2))
            self.tell(f"{number + 1:3}/{count} {one.__name__}")
            started = time.monotonic()
            one(world)
            self.outcome.disturbances[one.__name__] += 1
            if one in bad.KILLS:
                self._measure_recovery(started)

    def _waiting(self) -> dict[str, tuple[Any, ...]]:
        """Return how far each scan is that is not over. Raise RequestException while the site is away."""
        states = [(page, self._look(page)) for page in list(self.pages) if page not in self.finals]
        return {page: (state["state"], state["bytes_done"], state["files_done"]) for page, state in states}

    def _look(self, page: str) -> dict[str, Any]:
        answer = requests.get(f"{page}/status.json", timeout=10)
        answer.raise_for_status()
        state = answer.json()
        if state["state"] in FINAL:
            self.finals.setdefault(page, set()).add((state["state"], state["updated_at"]))
        return state

    def _measure_recovery(self, started: float) -> None:
        """Note how long after a kill the work on the scans that waited then goes on."""
        waited: dict[str, tuple[Any, ...]] | None = None
        while time.monotonic() - started < 2 * RECOVERY:
            with suppress(requests.RequestException):  # the site may not be back yet
                now = self._waiting()
                if waited is None:
                    waited = {page: seen for page, seen in now.items() if seen[0] not in FINAL}
                if not waited:
                    return
                if any(now.get(page) != seen for page, seen in waited.items()):
                    break
            time.sleep(0.1)
        seconds = time.monotonic() - started
        self.outcome.longest_recovery = max(self.outcome.longest_recovery, seconds)
        self.tell(f"        went on after {seconds:.1f} s")
        if seconds > RECOVERY:
            self._tell_what_waits()

    def _tell_what_waits(self) -> None:
        for page, path in list(self.pages.items()):
            if page not in self.finals:
                with suppress(requests.RequestException):
                    self.tell(f"        {path} {self._look(page)}")
        self.tell("".join(self.world.site.log[-100:]))

    def wait_for_the_end(self) -> None:
        deadline = time.monotonic() + PATIENCE
        open_pages = set(self.pages)
        while open_pages and time.monotonic() < deadline:
            for page in list(open_pages):
                try:
                    if self._look(page)["state"] in FINAL:
                        open_pages.discard(page)
                except (requests.RequestException, ValueError):
                    pass
            time.sleep(0.3)
        while len(self._readers_with_mail()) < len(self.pages) - len(open_pages) and time.monotonic() < deadline:
            time.sleep(0.3)

    def _readers_with_mail(self) -> set[str]:
        return {to for envelope in self.world.smtp.envelopes for to in envelope}

    def count(self) -> Outcome:
        outcome = self.outcome
        for page, path in self.pages.items():
            answer = requests.get(f"{page}/status.json", timeout=30)
            if answer.status_code == 404:
                outcome.lost += 1
                continue
            state = self._look(page)
            if state["state"] not in FINAL:
                outcome.stuck += 1
                self.tell(f"stuck: {page} {state}")
            elif state["state"] == "done":
                outcome.done += 1
                outcome.reports_differ += self._differs(page, path)
            else:
                outcome.failed[str(state["error"])[:100]] += 1
                outcome.failed_without_need += path in self.references
            outcome.finished_twice += len(self.finals.get(page, ())) > 1
        self._count_mails()
        return outcome

    def _differs(self, page: str, path: str) -> bool:
        answer = requests.get(f"{page}/report.json", timeout=60)
        if answer.status_code != 200:
            found = [f"the answer is {answer.status_code}: {answer.text}"]
        else:
            found = differences(self.references[path], answer.json())
        for line in found[:5]:
            self.tell(f"differs: {page} {path} {line[:2000]}")
        return bool(found)

    def _count_mails(self) -> None:
        outcome, smtp = self.outcome, self.world.smtp
        ids: dict[str, list[str]] = {}
        for mail, envelope in zip(smtp.mails, smtp.envelopes, strict=True):
            ids.setdefault(envelope[0], []).append(mail["Message-ID"])
        outcome.mails_missing = len(self.pages) - len(ids)
        outcome.mails_doubled = sum(len(set(found)) > 1 for found in ids.values())
        outcome.mails_repeated = sum(len(found) - len(set(found)) for found in ids.values())


def soak(
    instance: Path,
    *,
    kind: str,
    seed: int,
    seconds: float,
    scans: int,
    disturbances: int,
    tell: Callable[[str], None] = lambda line: None,
) -> Outcome:
    """Submit so many scans under so many disturbances within about ``seconds``, and count what came of them."""
    generator = random.Random(seed)
    with (
        services(kind) as (settings, memory, database),
        small_disk(instance) as disk,
        SmtpServer() as smtp,
        HttpServer() as http,
    ):
        http.routes.update(_routes())
        # SQLite has no other clock than its process's own.
        clock = own_clock(instance.parent) if database else None
        site = Site(
            instance,
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=str(smtp.port),
            LEASE_SECONDS=str(LEASE),
            REUSE_REPORTS="no",
            LIMIT_DOWNLOAD_SECONDS="5",
            # A site whose disk is full asks to come back later; nothing is promised for what it did not accept.
            DISK_RESERVE="50_000_000" if disk else "0",
            **settings,
            **(clock.settings if clock else {}),
        )
        with site:
            world = bad.World(site, smtp, LEASE, generator, memory, database, disk, clock)
            run = _Soak(world, http, tell)
            run.make_references()
            submitter = threading.Thread(target=run.submit_all, args=(scans, seconds))
            submitter.start()
            run.disturb(disturbances, seconds)
            submitter.join()
            run.wait_for_the_end()
            return run.count()
