"""Two workers with an engine and a disk each share one scan, and its report is the one that a single worker makes."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from tests import trees
from tests.packages import differences
from tests.servers.http import HttpServer, content
from tests.servers.postgresql import temporary_database
from tests.servers.site import ROOT, Site

REDIS = "redis://127.0.0.1:6379/0"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with temporary_database() as url:
        settings = {
            "DATABASE_URL": url,
            "QUEUE_URL": REDIS,
            "QUEUE_NAME": f"scanpost_test_{secrets.token_hex(6)}",
            "STORAGE_URL": str(tmp_path / "storage"),
            "SECRET_KEY": secrets.token_hex(32),
            "SCAN_PROCESSES": "1",
            "CACHE_BYTES": "0",
            "REUSE_REPORTS": "no",
        }
        with Site(tmp_path / "instance", **settings) as site:
            yield site


@pytest.mark.postgresql
@pytest.mark.redis
@pytest.mark.timeout(600)
def test_two_workers_share_a_scan_and_its_report_is_the_same(site: Site, http: HttpServer, tmp_path: Path) -> None:
    http.routes["/rules.tgz"] = content(trees.tar_gz(trees.rule_texts(240)))
    by_one = site.submit(http.url("/rules.tgz"))
    site.wait(by_one, "done", seconds=240)

    with _second_worker(site, tmp_path / "elsewhere") as other:
        by_two = site.submit(http.url("/rules.tgz"))
        parents = {_parent(pid) for pid in _pids_at_work(site, by_two)}

    assert parents == {*site.children("tasks.worker")[:1], other}
    assert differences(_report(by_one), _report(by_two)) == []


@contextmanager
def _second_worker(site: Site, instance: Path) -> Iterator[int]:
    """Run a worker with a disk of its own, as on another machine; give its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tasks.worker"],
        cwd=ROOT,
        env={**site.environment, "INSTANCE": str(instance)},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while (
            requests.get(f"{site.url}/readyz", timeout=30).json()["checks"]["worker"]["why"][:16] != "Workers alive: 2"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def _pids_at_work(site: Site, page: str) -> set[int]:
    """Wait for the end of a scan; return the processes that had a batch of it."""
    pids: set[int] = set()
    with psycopg.connect(site.environment["DATABASE_URL"], autocommit=True) as connection:
        while site.status(page)["state"] not in ("done", "failed"):
            owners = connection.execute("select owner from batch where owner is not null")
            pids |= {int(owner.split(":")[1]) for (owner,) in owners}
            time.sleep(0.02)
    return pids


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _report(page: str) -> dict:
    return requests.get(f"{page}/report.json", timeout=60).json()
