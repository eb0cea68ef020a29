"""Scan something without site, queue or database: ``python -m scanner SOURCE --json FILE``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import IO

from isal import igzip

from scanner import archives, inventory, sources
from scanner.addresses import Gate
from scanner.cache import FindingCache, scan_with_cache
from scanner.engine.client import Engine, start_server
from scanner.errors import Cancelled, EngineError, ScannerError, SourceRefused
from scanner.limits import Limits, size
from scanner.results import FileEntry
from scanner.stock_json import as_json

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 after an error in one line, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    show = _Progress(sys.stderr)
    try:
        limits = _limits(options.limit)
        _see_that_it_can_be_written(options.json)
        with _temporary_folder() as folder, _engine(folder) as engine:
            work = _Work(folder, engine, limits, options.processes, options.cache, show)
            files, failed = work.scan(options.source, Gate(options.allow_network), options.json)
    except KeyboardInterrupt:
        show.end("interrupted")
        return INTERRUPTED
    except ScannerError as error:
        show.end(f"{error} {error.advice}")
        return 1
    except OSError as error:
        show.end(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
        return 1
    trouble = f", {failed:,} of them with errors, which the report names" if failed else ""
    show.end(f"{files:,} files in {show.seconds:.1f} s{trouble}: {options.json}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scanner", description=__doc__)
    parser.add_argument("source", metavar="SOURCE", help="an address, a package, an archive, a file or a folder")
    parser.add_argument("--json", metavar="FILE", type=Path, required=True, help="where to write ScanCode's JSON")
    parser.add_argument("--processes", metavar="N", type=_positive, default=os.cpu_count() or 1)
    parser.add_argument("--cache", metavar="FILE", type=Path, help="findings to take from and to add to")
    parser.add_argument(
        "--limit", metavar="NAME=NUMBER", action="append", default=[], help="one of the limits in scanner/limits.py"
    )
    parser.add_argument(
        "--allow-network",
        metavar="CIDR",
        type=ip_network,
        action="append",
        default=[],
        help="addresses that may be fetched from though they are not public",
    )
    return parser


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)


def _limits(changes: Sequence[str]) -> Limits:
    names = {field.name for field in fields(Limits)}
    limits = Limits()
    for change in changes:
        name, _, number = change.partition("=")
        if name not in names or not number.isdecimal():
            raise ScannerError(f"There is no such limit: {change}.", advice=f"They are: {', '.join(sorted(names))}.")
        limits = replace(limits, **{name: int(number)})
    return limits


def _see_that_it_can_be_written(path: Path) -> None:
    """Find out before hours of work, not after them; leaves what is there as it is."""
    with path.open("ab") as file:
        empty = file.tell() == 0
    if empty:
        path.unlink()


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="scanpost-"))
    try:
        yield folder
    finally:
        # Whatever was unpacked there, however deep it is nested.
        archives.remove_tree(folder)


@contextmanager
def _engine(folder: Path) -> Iterator[_WatchedEngine]:
    """Start an engine for this command alone. It loads its index while the source is fetched."""
    socket = folder / "engine" / "engine.sock"
    with (folder / "engine.log").open("w+b") as log:
        server = start_server(socket, log=log)
        try:
            yield _WatchedEngine(socket, server, log)
        finally:
            server.terminate()
            server.wait()


class _WatchedEngine(Engine):
    """An engine that nobody starts again: if it ends, so does the command, with the engine's own last words."""

    def __init__(self, socket: Path, server: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        super().__init__(socket)
        self._server = server
        self._log = log

    def see_that_it_lives(self) -> None:
        if self._server.poll() is not None:
            self._log.seek(0)
            last = self._log.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise EngineError(f"The engine ended: {last or 'without a word.'}")


@dataclass
class _Work:
    """One run of the command."""

    folder: Path
    engine: _WatchedEngine
    limits: Limits
    processes: int
    cache: Path | None
    show: _Progress

    def scan(self, source: str, gate: Gate, target: Path) -> tuple[int, int]:
        """Write the report of a source; return how many files it has, and how many of them have errors."""
        workspace, root = self._workspace(source, gate)
        self.show.stage("listing the files")
        files = inventory.take(workspace, root, self.limits)
        findings = self.folder / "findings.jsonl.gz"
        failed = self._scan_files(workspace, files, findings)
        self.show.stage("putting the report together")
        report = self.folder / "report"
        report.mkdir()
        self.engine.assemble(workspace, root, [findings], report, limits=self.limits, beat=self._beat)
        # First beside its place, so that nobody ever sees half a report there.
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with (report / "report.jsonl").open("rb") as lines, beside.open("wb") as whole:
                whole.writelines(as_json(lines))
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        return len(files), failed

    def _workspace(self, source: str, gate: Gate) -> tuple[Path, str]:
        """Return the workspace and its root; a folder of the caller's own is scanned where it is."""
        here = Path(source)
        if here.is_dir():
            here = here.resolve()
            if not here.name:
                raise SourceRefused("The whole file system cannot be scanned.", advice="Name a folder in it.")
            return here.parent, here.name
        if here.exists():
            archive, name = here, here.resolve().name
        elif source.startswith(("/", "./", "../", "~")):
            raise SourceRefused(f"There is no file or folder {source}.", advice="Check the path.")
        else:
            request = sources.recognise(source)
            self.show.stage(f"fetching {request.title}")
            found, archive = sources.fetch(
                request, self.folder / "source", gate=gate, limits=self.limits, progress=self.show.bytes
            )
            name = found.filename
        self.show.stage(f"unpacking {name}")
        workspace = self.folder / "workspace"
        return workspace, archives.unpack(archive, name, workspace, limits=self.limits, progress=self.show.bytes).root

    def _scan_files(self, workspace: Path, files: Sequence[FileEntry], findings: Path) -> int:
        """Write all findings, with one thread for each child of the engine; return how many files have errors."""
        self.show.stage("loading ScanCode")
        version = self.engine.about(beat=self._beat).version
        self.show.stage("scanning", len(files))
        stop = threading.Event()
        cache = FindingCache(self.cache) if self.cache else None
        known = cache.known(version, files) if cache else ()
        failed = 0
        with igzip.open(findings, "wt", compresslevel=1) as lines, ThreadPoolExecutor(self.processes) as pool:
            try:
                batches = inventory.batches(files, self.processes, known)
                waiting = {pool.submit(self._scan_batch, workspace, batch, cache, stop) for batch in batches}
                for found in _as_they_come(waiting, self._beat):
                    for line, errors in found:
                        lines.write(line)
                        failed += errors
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return failed

    def _scan_batch(
        self, workspace: Path, batch: Sequence[FileEntry], cache: FindingCache | None, stop: threading.Event
    ) -> list[tuple[str, bool]]:
        def beat() -> None:
            if stop.is_set():
                raise Cancelled("The scan was stopped.")
            self._beat()

        result = []
        for found in scan_with_cache(self.engine, cache, workspace, batch, limits=self.limits, beat=beat):
            result.append((json.dumps(found.as_dict()) + "\n", bool(found.errors)))
            self.show.step()
            if stop.is_set():
                break
        return result

    def _beat(self) -> None:
        self.engine.see_that_it_lives()
        self.show.draw()


def _as_they_come(
    waiting: set[Future[list[tuple[str, bool]]]], beat: Callable[[], None]
) -> Iterator[list[tuple[str, bool]]]:
    while waiting:
        # Not for ever, so that Ctrl-C is noticed and the bar moves.
        done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        beat()
        for future in done:
            yield future.result()


class _Progress:
    """What goes on, in one line of a terminal that is written over; nothing of it elsewhere."""

    WIDTH = 30

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._began = time.monotonic()
        self._text, self._done, self._whole = "", 0, 0
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def stage(self, text: str, whole: int = 0) -> None:
        self._text, self._done, self._whole = text, 0, whole
        self.draw()

    def step(self) -> None:
        with self._lock:
            self._done += 1

    def bytes(self, done: int, whole: int | None) -> None:
        text = size(done) + (f" of {size(whole)}" if whole else "")
        self._write(f"{self._text}: {text}")

    def draw(self) -> None:
        if not self._whole:
            self._write(f"{self._text} …")
            return
        filled = self.WIDTH * self._done // self._whole
        bar = "█" * filled + "░" * (self.WIDTH - filled)
        self._write(f"{self._text} {bar} {self._done:,} of {self._whole:,} files")

    def end(self, text: str) -> None:
        """Say how it ended, in a line that stays."""
        self._write("")
        # One line, whatever a stranger's name in it may hold.
        print("".join(c if c.isprintable() else "?" for c in text), file=self._stream, flush=True)

    def _write(self, text: str) -> None:
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            clean = "".join(c if c.isprintable() else "?" for c in text)
            self._stream.write(f"\r\x1b[K{clean[:width]}")
            self._stream.flush()


if __name__ == "__main__":
    sys.exit(main())
