"""How cost grows: ``python -m bench.growth [bytes] [files] [lists] [packages] [processes] [memory]``, or all of these.

bytes       CPU seconds per MB of the same 10 MB of sources, in files of 0.1, 1 and 10 MB, each a scan of its own
files       CPU seconds per file of folders with 100, 1,000 and 10,000 pieces of 2 kB of such sources
lists       CPU milliseconds per entry of a lock file with 250, 1,000 and 4,000 packages and their licences
packages    CPU milliseconds per package of a folder with 250, 1,000 and 4,000 of npm's packages, three files each
processes   the wall time of Django 5.1.4 with one process and with two; only on an idle machine
memory      the engine's after Django 5.1.4, and while 50,000 files of 200 bytes are scanned

Ours only, the engine warm and at rest, as in a service that has been running for some seconds, and nothing known of any
file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Cost, cost_of, own, pss, tree, wait_for_rest
from bench.run import warm_scan
from bench.subjects import folder_of
from scanner.engine.client import Engine, start_server

RUNS = 3


class Bench:
    """A warm engine and a place for what it scans."""

    def __init__(self, engine: Engine, server: int, folder: Path) -> None:
        self.engine, self.server, self.folder = engine, server, folder

    def cost(self, root: Path, processes: int = 2, *, memory: bool = True) -> Cost:
        """Scan a folder from the list of its files to the report, and say what that cost."""
        watched = [os.getpid(), self.server]
        return cost_of(lambda: warm_scan(self.engine, root, self.folder, processes), watched, memory=memory)[1]

    def made(self, name: str, contents: Iterator[bytes], ending: str = "py") -> Path:
        """Make a folder of files."""
        root = self.folder / "made" / name
        root.mkdir(parents=True)
        for number, content in enumerate(contents):
            (root / f"{number:05}.{ending}").write_bytes(content)
        return root

    # What is measured, by the names of the command line.

    def bytes(self) -> None:
        sources = b"".join(_sources())
        print(f"{'MB':>6} {'CPU s per MB':>13}")
        sizes = (100_000, 1_000_000, 10_000_000)
        per_mb: dict[int, list[float]] = {size: [] for size in sizes}
        for run in range(RUNS):
            # The same text for all sizes: one piece of it may cost twice as much as the next.
            text = _cut(sources, max(sizes), run)
            for size in sizes:
                pieces = [text[start : start + size] for start in range(0, len(text), size)]
                roots = [self.made(f"bytes-{size}-{run}-{n}", iter([piece])) for n, piece in enumerate(pieces)]
                per_mb[size].append(sum(self.cost(root).cpu for root in roots) / len(text) * 1e6)
        for size, costs in per_mb.items():
            print(f"{size / 1e6:6} {statistics.median(costs):13.2f}", flush=True)

    def files(self) -> None:
        sources = b"".join(_sources())
        print(f"{'files':>6} {'CPU s':>7} {'CPU ms per file':>16}")
        for count in (100, 1_000, 10_000):
            root = self.made(f"files-{count}", (_cut(sources, 2_000, run) for run in range(count)))
            cpu = statistics.median(self.cost(root).cpu for _ in range(RUNS))
            print(f"{count:6} {cpu:7.2f} {cpu / count * 1000:16.2f}", flush=True)

    def lists(self) -> None:
        print(f"{'entries':>7} {'CPU s':>7} {'CPU ms per entry':>17}")
        for count in (250, 1_000, 4_000):
            root = self.made(f"lists-{count}", iter([_lock_file(count)]), "json")
            cpu = statistics.median(self.cost(root).cpu for _ in range(RUNS))
            print(f"{count:7} {cpu:7.2f} {cpu / count * 1000:17.2f}", flush=True)

    def packages(self) -> None:
        print(f"{'packages':>8} {'CPU s':>7} {'CPU ms per package':>19}")
        for count in (250, 1_000, 4_000):
            root = self.folder / "made" / f"packages-{count}" / "node_modules"
            for number in range(count):
                _make_package(root / f"package-{number}", number)
            cpu = statistics.median(self.cost(root.parent).cpu for _ in range(RUNS))
            print(f"{count:8} {cpu:7.2f} {cpu / count * 1000:19.2f}", flush=True)

    def processes(self) -> None:
        django = folder_of("django")
        one, two = (self.cost(django, count, memory=False) for count in (1, 2))
        for name, cost in (("one process", one), ("two", two)):
            print(f"Django with {name:11} {cost.wall:6.1f} s, {cost.cpu:6.1f} CPU s")
        print(f"{one.wall / two.wall:.2f} times the throughput")

    def memory(self) -> None:
        print(f"the engine before any scan: {pss([self.server]) / 1e6:.0f} MB")
        with self._peaks() as peaks:
            self.cost(folder_of("django"))
        print(f"after Django: {pss([self.server]) / 1e6:.0f} MB; {_told(peaks)}")
        texts = (f"# Copyright {number} Ada\n{'x = 1' * 35}\n".encode() for number in range(50_000))
        root = self.made("many", texts)
        with self._peaks() as peaks:
            self.cost(root)
        print(f"after 50,000 files: {pss([self.server]) / 1e6:.0f} MB; {_told(peaks)}")

    @contextmanager
    def _peaks(self) -> Iterator[dict[str, int]]:
        """Watch how much the children have of their own, and how much the engine and they have together."""
        peaks = {"child": 0, "all": 0}
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.2):
                pids = tree(self.server)
                peaks["child"] = max([peaks["child"], *map(own, pids[1:])])
                peaks["all"] = max(peaks["all"], pss(pids))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield peaks
        finally:
            over.set()
            watcher.join()


def _told(peaks: dict[str, int]) -> str:
    return f"at most {peaks['child'] / 1e6:.0f} MB of a child's own, {peaks['all'] / 1e6:.0f} MB with all children"


def _sources() -> list[bytes]:
    """Return Python sources of several packages in a mixed but constant order."""
    paths = [path for name in ("flask", "requests", "django") for path in sorted(folder_of(name).rglob("*.py"))]
    random.Random(1).shuffle(paths)
    return [path.read_bytes() for path in paths]


def _cut(sources: bytes, size: int, number: int) -> bytes:
    """Return a piece of the sources, another one for each number."""
    start = number * 7_919_003 % (len(sources) - size)
    return sources[start : start + size]


def _lock_file(entries: int) -> bytes:
    """Return what npm's lock files look like to licence detection."""
    draw = random.Random(1)
    licenses = ("MIT", "ISC", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "CC0-1.0", "(MIT OR CC0-1.0)", "0BSD")
    packages = {
        f"node_modules/{draw.choice(('babel', 'core', 'http', 'parser'))}-{number}": {
            "version": f"{draw.randrange(9)}.{draw.randrange(30)}.{draw.randrange(20)}",
            "integrity": f"sha512-{draw.randbytes(64).hex()}",
            "license": draw.choices(licenses, (70, 12, 6, 5, 3, 2, 1, 1))[0],
            "engines": {"node": ">=6"},
        }
        for number in range(entries)
    }
    return json.dumps({"lockfileVersion": 3, "packages": packages}, indent=2).encode()


def _make_package(folder: Path, number: int) -> None:
    """Write a package that says where its licence is and does not repeat it in its source."""
    folder.mkdir(parents=True)
    about = {"name": folder.name, "version": "1.0.0", "dependencies": {f"package-{number // 2}": "^1.0.0"}}
    (folder / "package.json").write_text(json.dumps(about))
    (folder / "LICENSE").write_text("Copyright (c) 2020 Ada\n\nMIT License\n")
    source = f"// Copyright Ada {number}. This file is distributed under the same license as the package.\n"
    (folder / "index.js").write_text(f"{source}module.exports = {number};\n")


MEASURES: dict[str, Callable[[Bench], None]] = {
    name: getattr(Bench, name) for name in ("bytes", "files", "lists", "packages", "processes", "memory")
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(MEASURES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scanpost-bench-") as folder:
        server = start_server(Path(folder, "engine", "socket"))
        try:
            engine = Engine(Path(folder, "engine", "socket"))
            started = time.monotonic()
            engine.version()
            print(f"the engine was ready {time.monotonic() - started:.1f} s after its start")
            wait_for_rest(server.pid)
            for name in options.names or MEASURES:
                print(f"\n{name}")
                MEASURES[name](Bench(engine, server.pid, Path(folder)))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
