"""Stock ScanCode and ours, in turn, in one run: ``make bench`` (hours) or ``make bench QUICK=1`` (minutes).

Both use the same number of processes. Ours is the running service's cold case: the engine is warm, and nothing is known
of any file. The last columns count start-up: ``python -m scanner`` from a cold process. The findings are compared, too.
The table goes to the terminal and with all figures to bench/out/.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from isal import igzip

from bench.measure import Cost, cost_of
from bench.plot import bars
from bench.subjects import SUBJECTS, Subject
from scanner import inventory
from scanner.cache import scan_with_cache
from scanner.engine.client import Engine, start_server
from scanner.limits import Limits
from scanner.stock_json import as_json
from tests.packages import STOCK_OPTIONS, differences

OUT = Path(__file__).resolve().parent / "out"
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Row:
    """One subject: medians of its runs."""

    subject: str
    files: int
    bytes: int
    stock: list[Cost] = field(default_factory=list)
    ours: list[Cost] = field(default_factory=list)
    started: list[Cost] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def ratio(self) -> float:
        return _median(self.stock) / _median(self.ours)

    def line(self) -> str:
        stock, ours, started = _median(self.stock), _median(self.ours), _median(self.started)
        wall = statistics.median(cost.wall for cost in self.stock), statistics.median(cost.wall for cost in self.ours)
        peak = max(cost.pss for cost in self.stock), max(cost.pss for cost in self.ours)
        return (
            f"{self.subject:20} {self.files:6} {self.bytes / 1e6:7.2f} {stock:8.1f} {ours:7.2f} {self.ratio():6.1f} "
            f"{wall[0]:7.1f} {wall[1]:6.1f} {peak[0] / 1e6:6.0f} {peak[1] / 1e6:6.0f} {started:7.2f} "
            f"{stock / started:6.1f} {len(self.differences):5}"
        )


HEAD = (
    f"{'subject':20} {'files':>6} {'MB':>7} {'stock':>8} {'ours':>7} {'ratio':>6} {'wall':>7} {'wall':>6} "
    f"{'PSS':>6} {'PSS':>6} {'started':>7} {'ratio':>6} {'diff':>5}\n"
    f"{'':35} {'CPU s':>8} {'CPU s':>7} {'CPU':>6} {'stock':>7} {'ours':>6} {'MB':>6} {'MB':>6} {'CPU s':>7} {'CPU':>6}"
)


def _median(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.cpu for cost in costs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what ends within minutes, each once")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only subjects of this name")
    parser.add_argument("--runs", type=int, help="how often each runs; by default three times, the big ones once")
    options = parser.parse_args()
    chosen = [s for s in SUBJECTS if (s.quick or not options.quick) and (not options.only or s.name in options.only)]
    with tempfile.TemporaryDirectory(prefix="scanpost-bench-") as folder:
        server = start_server(Path(folder, "engine", "socket"))
        try:
            _run_all(chosen, Path(folder), server.pid, options)
        finally:
            server.terminate()
            server.wait()
    print(f"kept in {OUT}")


def _run_all(chosen: Sequence[Subject], folder: Path, server: int, options: argparse.Namespace) -> None:
    engine = Engine(folder / "engine" / "socket")
    print(f"ScanCode {engine.version().scancode}, {options.processes} processes, Python {platform.python_version()}")
    print(HEAD, flush=True)
    rows: list[Row] = []
    for subject in chosen:
        row = _compare(subject, engine, server, folder, 1 if options.quick else options.runs or subject.runs, options)
        rows.append(row)
        print(row.line(), flush=True)
        _store(rows, options)
    ratios = [row.ratio() for row in rows if not row.subject.startswith("rules")]
    if len(ratios) > 1:
        print(f"geometric mean of the packages' CPU ratios: {math.exp(statistics.fmean(map(math.log, ratios))):.1f}")


def _compare(
    subject: Subject, engine: Engine, server: int, folder: Path, runs: int, options: argparse.Namespace
) -> Row:
    root = subject.folder()
    entries = inventory.take(root.parent, root.name, Limits())
    row = Row(str(subject), len(entries), sum(entry.size for entry in entries))
    for _ in range(runs):
        stock, cost = cost_of(lambda: stock_scan(root, folder, options.processes), [os.getpid()])
        row.stock.append(cost)
        ours, cost = cost_of(lambda: warm_scan(engine, root, folder, options.processes), [os.getpid(), server])
        row.ours.append(cost)
        reports = [json.loads(path.read_text()) for path in (stock, ours)]
        row.differences = max(row.differences, differences(*reports), key=len)
        _, cost = cost_of(lambda: started_scan(root, folder, options.processes), [os.getpid()])
        row.started.append(cost)
    return row


def stock_scan(root: Path, folder: Path, processes: int) -> Path:
    """Run the stock command; return its report."""
    target = folder / "stock.json"
    command = [str(Path(sys.executable).with_name("scancode")), "--quiet", *STOCK_OPTIONS, "-n", str(processes)]
    # Its exit code is 1 where single files failed: those count, too.
    subprocess.run([*command, "--json", str(target), root.name], cwd=root.parent, capture_output=True)
    return target


def warm_scan(engine: Engine, root: Path, folder: Path, processes: int) -> Path:
    """Scan with a warm engine and without any cache, from the list of files to the report, and return that."""
    files = inventory.take(root.parent, root.name, Limits())
    findings = folder / "findings.jsonl.gz"

    def scan(batch: Sequence[Any]) -> list[str]:
        found = scan_with_cache(engine, None, root.parent, batch, limits=Limits())
        return [json.dumps(one.as_dict()) + "\n" for one in found]

    with ThreadPoolExecutor(processes) as pool, igzip.open(findings, "wt", compresslevel=1) as lines:
        for part in pool.map(scan, inventory.batches(files, processes)):
            lines.writelines(part)
    report = folder / "report"
    report.mkdir(exist_ok=True)
    engine.assemble(root.parent, root.name, [findings], report, limits=Limits())
    target = report / "report.json"
    with (report / "report.jsonl").open("rb") as written, target.open("wb") as whole:
        whole.writelines(as_json(written))
    return target


def started_scan(root: Path, folder: Path, processes: int) -> None:
    """Run our command from nothing: start-up, index and all."""
    command = [sys.executable, "-m", "scanner", str(root), "--json", str(folder / "started.json")]
    subprocess.run([*command, "--processes", str(processes)], cwd=ROOT, check=True, capture_output=True)


def _store(rows: Sequence[Row], options: argparse.Namespace) -> None:
    OUT.mkdir(exist_ok=True)
    name = "-".join(options.only) or ("quick" if options.quick else "full")
    (OUT / f"{name}.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    (OUT / f"{name}.txt").write_text("\n".join([HEAD, *(row.line() for row in rows)]) + "\n")
    (OUT / f"{name}.svg").write_text(bars("stock CPU seconds ÷ ours", [(row.subject, row.ratio()) for row in rows]))


if __name__ == "__main__":
    main()
