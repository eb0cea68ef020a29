"""Django scanned by one worker and by two that share it: ``python -m bench.two_workers``.

The two have an engine and a disk each, and PostgreSQL, Redis and the storage in common, as on two machines. Printed:
how long each way took, how many batches each worker had, and where the two reports differ (nowhere).
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections import Counter
from pathlib import Path

import requests

from bench.subjects import folder_of, packed
from tests.functional.sharing import batches_by_worker, second_worker
from tests.packages import differences
from tests.servers.http import HttpServer, content
from tests.servers.site import Site
from tests.soak.services import services


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.two_workers", description=__doc__)
    parser.add_argument("--subject", default="django")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        services("postgresql+redis") as (servers, _, _),
        HttpServer() as http,
    ):
        http.routes["/subject.tgz"] = content(packed(folder_of(options.subject)))
        settings = {
            **servers,
            "STORAGE_URL": str(Path(folder, "storage")),
            "SECRET_KEY": secrets.token_hex(32),
            "SCAN_PROCESSES": "1",
            "CACHE_BYTES": "0",
            "REUSE_REPORTS": "no",
        }
        with Site(Path(folder, "instance"), **settings) as site:
            url = http.url("/subject.tgz")
            by_one, alone = _scan(site, url)
            with second_worker(site, Path(folder, "elsewhere")):
                by_two, together = _scan(site, url)
            found = differences(_report(by_one), _report(by_two))
    for name, (seconds, batches) in (("one worker", alone), ("two workers", together)):
        print(f"{name:12} {seconds:7.1f} s, batches by worker: {sorted(batches.values())}")
    print(f"differences between the reports: {len(found)}")
    for line in found[:20]:
        print(f"  {line}")
    raise SystemExit(bool(found) or len(together[1]) != 2)


def _scan(site: Site, url: str) -> tuple[str, tuple[float, Counter[int]]]:
    started = time.monotonic()
    page = site.submit(url)
    batches = batches_by_worker(site, page)
    return page, (time.monotonic() - started, batches)


def _report(page: str) -> dict:
    return requests.get(f"{page}/report.json", timeout=300).json()


if __name__ == "__main__":
    main()
