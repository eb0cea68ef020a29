"""What a report of 50,000 files asks of the site: ``python -m bench.large_report [--files N] [--times N]``.

The site runs as it is deployed, under gunicorn, with such a report in its storage. Printed for each page, filter and
search: milliseconds at the median and at the 95th percentile, CPU milliseconds of the site, SQL statements, and bytes
on the wire; for each format: seconds, bytes, and the memory of the site's own processes and of its writers meanwhile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from flask import Flask
from flask_migrate import upgrade

import config
from bench.measure import cpu_seconds, pss, tree
from reports.formats import FORMATS
from tests.packages import CACHE
from tests.reports import scans
from tests.servers.ports import free_port
from tests.webapp.queries import LARGE_PAGES, counted_statements
from webapp import create_app
from webapp.extensions import db
from webapp.models import Scan, State, now
from webapp.results import STORE, storage

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Row:
    """What one page took."""

    name: str
    wall: list[float]
    cpu: float
    statements: int
    bytes: int

    def __str__(self) -> str:
        p95 = statistics.quantiles(self.wall, n=20)[-1]
        return (
            f"{self.name:28} {statistics.median(self.wall):8.1f} {p95:8.1f} {self.cpu:8.1f} {self.statements:6}"
            f" {self.bytes / 1000:8.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.large_report", description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=100, help="how often each page is asked for")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"INSTANCE": folder, "PORT": str(free_port()), "DISK_RESERVE": "0", "PATH": os.environ["PATH"]}
        app = create_app(config.load(settings))
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            page = _stored(_large(options.files))
            statements = _statements(app, page)
        with _gunicorn(settings) as (url, pid):
            print(f"{'page':28} {'median':>8} {'p95':>8} {'CPU':>8} {'SQL':>6} {'kB':>8}   (times in ms)")
            for name, part in LARGE_PAGES.items():
                print(_asked(name, url + page + part, pid, options.times, statements[name]), flush=True)
            print(f"\nsite, PSS: {_memory(pid)} MB\n")
            print(f"{'format':12} {'first s':>8} {'again s':>8} {'MB':>8} {'site MB':>8} {'writer MB':>10}")
            for name in FORMATS:
                print(_downloaded(name, f"{url}{page}/report.{name}", pid), flush=True)
            print(f"\nsite after all formats, PSS: {_memory(pid)} MB")


def _large(files: int) -> Path:
    """Return the store of a report of so many files, made if it is not there yet."""
    kept = CACHE / "large" / f"report-{files}.sqlite"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as place:
            scans.build_large(Path(place), files, about={"title": "large"}).rename(kept)
    return kept


def _stored(store: Path) -> str:
    """Store a finished scan with that report; return the address of its page."""
    scan = Scan(asked="https://example.org/large.tgz", title="large.tgz", state=State.DONE, finished_at=now())
    db.session.add(scan)
    db.session.flush()
    scan.report = f"{scan.prefix}/report-1"
    db.session.commit()
    copy = store.with_suffix(".copy")
    shutil.copyfile(store, copy)
    storage().put(f"{scan.report}/{STORE}", copy)
    copy.unlink(missing_ok=True)
    return f"/scans/{scan.token}"


def _statements(app: Flask, page: str) -> dict[str, int]:
    """Count the SQL statements of each page, in this process: the site's cannot be looked into."""
    counts = {}
    for name, part in LARGE_PAGES.items():
        with counted_statements() as found:
            app.test_client().get(page + part)
        counts[name] = len(found)
    return counts


@contextmanager
def _gunicorn(settings: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Run the site; give its address and the id of its first process."""
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
    url = f"http://127.0.0.1:{settings['PORT']}"
    process = subprocess.Popen(command, cwd=ROOT, env={**settings, "LOG_LEVEL": "WARNING"})
    try:
        while True:
            try:
                requests.get(f"{url}/healthz", timeout=60)
                break
            except requests.ConnectionError:
                if process.poll() is not None:
                    sys.exit("The site did not start.")
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def _site(pid: int) -> list[int]:
    """Return the site's own processes, without those that write formats for it."""
    return [one for one in tree(pid) if b"gunicorn" in _command(one)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _memory(pid: int) -> str:
    each = [pss([one]) / 1e6 for one in _site(pid)]
    return f"{sum(each):.0f} = {' + '.join(f'{one:.0f}' for one in each)}"


def _asked(name: str, address: str, pid: int, times: int, statements: int) -> Row:
    wall, size = [], 0
    processes = _site(pid)
    with requests.Session() as session:
        session.get(address, timeout=60)
        cpu = sum(map(cpu_seconds, processes))
        for _ in range(times):
            started = time.perf_counter()
            answer = session.get(address, timeout=60)
            wall.append((time.perf_counter() - started) * 1000)
            answer.raise_for_status()
            size = len(answer.content)
        cpu = sum(map(cpu_seconds, processes)) - cpu
    return Row(name, wall, cpu * 1000 / times, statements, size)


def _downloaded(name: str, address: str, pid: int) -> str:
    took, site, writer, size = [], 0, 0, 0
    for _ in range(2):
        started = time.perf_counter()
        # Curl, so that this process is not what is slow; it runs beside the looks at the memory.
        with tempfile.NamedTemporaryFile() as out:
            curl = subprocess.Popen(["curl", "-sSf", "--compressed", "-o", out.name, address])
            while curl.poll() is None:
                own = set(_site(pid))
                site = max(site, pss(list(own)))
                writer = max(writer, pss([one for one in tree(pid) if one not in own]))
                time.sleep(0.05)
            size = os.stat(out.name).st_size
        took.append(time.perf_counter() - started)
        if curl.returncode:
            return f"{name:12} failed"
    mb = size / 1e6
    return f"{name:12} {took[0]:8.1f} {took[1]:8.1f} {mb:8.1f} {site / 1e6:8.0f} {writer / 1e6:10.0f}"


if __name__ == "__main__":
    main()
