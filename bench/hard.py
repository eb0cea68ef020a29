"""Files that are made to be hard, each for its size or for one scanner: ``python -m bench.hard [--seconds LIMIT]``.

All of them lie in one folder with an ordinary file, and two children scan them; stock is not asked. A line for each:
seconds from its start to its findings, and how its error begins, if it has one. At the end, what the ordinary file was
found to have.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bench.measure import wait_for_rest
from scanner import inventory
from scanner.engine.client import Engine, start_server
from scanner.limits import Limits
from scanner.results import FileEntry, FileFindings

ORDINARY = "# Copyright (c) 2020 Ada Lovelace\n# SPDX-License-Identifier: MIT\nimport this\n"
IDS = ("MIT", "ISC", "Apache-2.0", "GPL-2.0-only", "LGPL-2.1-or-later", "BSD-3-Clause", "MPL-2.0", "EPL-2.0", "0BSD")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.hard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=Limits().file_seconds, metavar="LIMIT", help="for each file")
    limits = replace(Limits(), file_seconds=parser.parse_args().seconds)
    with tempfile.TemporaryDirectory(prefix="scanpost-bench-") as name:
        folder = Path(name)
        (folder / "root").mkdir()
        for path, make in FILES.items():
            (folder / "root" / path).write_text(make())
        server = start_server(folder / "engine" / "socket")
        try:
            engine = Engine(folder / "engine" / "socket")
            engine.version()
            wait_for_rest(server.pid)
            _scan(engine, folder, limits)
        finally:
            server.terminate()
            server.wait()


def _scan(engine: Engine, folder: Path, limits: Limits) -> None:
    print(f"{'file':20} {'MB':>6} {'wall s':>7}  error")

    def scan(file: FileEntry) -> tuple[FileEntry, FileFindings, float]:
        started = time.monotonic()
        (found,) = engine.scan(folder, [file], limits=limits)
        return file, found, time.monotonic() - started

    with ThreadPoolExecutor(2) as pool:
        for file, found, seconds in pool.map(scan, inventory.take(folder, "root", limits)):
            error = " ".join(" ".join(found.errors).split())[:100]
            print(f"{Path(file.path).name:20} {file.size / 1e6:6.1f} {seconds:7.1f}  {error}", flush=True)
            if file.path.endswith("ordinary.py"):
                ordinary = found.results
    holders = [holder["holder"] for holder in ordinary["holders"]]
    print(f"ordinary.py: {ordinary['detected_license_expression']}, {holders}")


def _ids(between: str) -> str:
    draw = random.Random(1)
    return json.dumps([draw.choice(IDS) for _ in range(250_000)], separators=(between, ":"))[:3_000_000]


def _coordinates() -> Iterator[str]:
    draw = random.Random(2)
    for number in range(12_000):
        ring = [[round(draw.uniform(-180, 180), 12), round(draw.uniform(-90, 90), 12)] for _ in range(130)]
        shape = {"type": "Polygon", "coordinates": [ring]}
        yield json.dumps({"type": "Feature", "properties": {"license": "ODbL", "id": number}, "geometry": shape})


FILES: dict[str, Callable[[], str]] = {
    "ids-one-line.json": lambda: _ids(","),
    "ids-a-line-each.json": lambda: _ids(",\n"),
    "geo.json": lambda: '{"type":"FeatureCollection","features":[' + ",\n".join(_coordinates()) + "]}",
    "copyright.txt": lambda: "copyright " * 200_000,
    "copyrights.txt": lambda: "Copyright (c) 2001, 2002, 2003 and by the authors and contributors of\n" * 15_000,
    "c.txt": lambda: "(c) (C) © " * 100_000,
    "names.txt": lambda: "Copyright 2001 " + "Ada Lovelace, and Grace Hopper, " * 30_000,
    "licences.txt": lambda: (
        "This is licensed under the GPL version 2 or later, the MIT license and the BSD.\n" * 15_000
    ),
    "bundle.js": lambda: "function a(b,c){return b+c};var license='MIT';" * 220_000,
    "quotes.txt": lambda: "\"'" * 1_000_000,
    "ordinary.py": lambda: ORDINARY,
}


if __name__ == "__main__":
    main()
