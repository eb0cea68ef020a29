"""A second worker beside a site's own, with a disk of its own as on another machine; and who did what."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import requests

from tests.servers.site import ROOT, Site


@contextmanager
def second_worker(site: Site, instance: Path) -> Iterator[int]:
    """Run it while the block lasts; give its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tasks.worker"],
        cwd=ROOT,
        env={**site.environment, "INSTANCE": str(instance)},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while "Workers alive: 2" not in requests.get(f"{site.url}/readyz", timeout=30).text:
            assert time.monotonic() < deadline, "the second worker did not start"
            time.sleep(0.5)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def batches_by_worker(site: Site, page: str) -> Counter[int]:
    """Wait for the end of a scan; return how many of its batches each worker took, by the worker's process."""
    claims: set[str] = set()
    with psycopg.connect(site.environment["DATABASE_URL"], autocommit=True) as connection:
        while site.status(page)["state"] not in ("done", "failed"):
            claims |= {owner for (owner,) in connection.execute("select owner from batch where owner is not null")}
            time.sleep(0.02)
    return Counter(_parent(int(claim.split(":")[1])) for claim in claims)


def _parent(pid: int) -> int:
    """Return the consumer that forked a Huey worker."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
