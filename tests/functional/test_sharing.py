"""Two workers with an engine and a disk each share one scan, and its report is the one that a single worker makes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import trees
from tests.functional.sharing import batches_by_worker, second_worker
from tests.packages import differences
from tests.servers.http import HttpServer, content
from tests.servers.postgresql import temporary_database
from tests.servers.site import Site

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
    # So many that there are batches left for the second worker while the first has one.
    http.routes["/rules.tgz"] = content(trees.tar_gz(trees.rule_texts(900)))
    by_one = site.submit(http.url("/rules.tgz"))
    site.wait(by_one, "done", seconds=240)

    with second_worker(site, tmp_path / "elsewhere") as other:
        by_two = site.submit(http.url("/rules.tgz"))
        batches = batches_by_worker(site, by_two)

    assert set(batches) == {*site.children("tasks.worker")[:1], other}
    assert differences(_report(by_one), _report(by_two)) == []


def _report(page: str) -> dict:
    return requests.get(f"{page}/report.json", timeout=60).json()
