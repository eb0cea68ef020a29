"""Ask the engine server for findings and reports. Imports nothing of ScanCode's."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from scanner.engine.kept import Kept
from scanner.engine.wire import Closed, Silent, Wire, socket_name
from scanner.errors import EngineError, LimitExceeded
from scanner.limits import Limits, stated
from scanner.results import EngineVersion, FileEntry, FileFindings

#: How long a caller waits for a server that is starting, seconds; it needs a few, more on a busy machine.
PATIENCE = 90.0
#: How often a waiting caller looks up, seconds.
BEAT = 1.0
#: How many children in a row may end without a single finished file before the engine itself is to blame.
FRUITLESS = 3
#: Which part of the limit on time each scanner has for itself, once all of them together came to no end.
APART = 8


def _no_beat() -> None:
    """Do nothing while waiting."""


def start_server(path: Path, *, log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start an engine server that listens at ``path``, and return at once.

    It gets an environment of its own, without anything of this process's, and is killed when the thread that called
    this ends: call it from the main thread. What it has to say goes to ``log``, or where this process's own goes. The
    folder of ``path`` is made if it is missing; EngineError if it is there and open to others.
    """
    path = path.absolute()
    _private(path.parent)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        # A parser's library must not start threads: a process that has some cannot be forked safely.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if os.environ.get("SCANNER_STOCK"):
        environment["SCANNER_STOCK"] = os.environ["SCANNER_STOCK"]
    return subprocess.Popen(
        [sys.executable, "-m", "scanner.engine.server", str(path), str(os.getpid())],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise EngineError(f"The engine's folder {folder} must belong to this user alone (mode 0700).")


@dataclass(frozen=True)
class About:
    """What a server says on every connection."""

    version: EngineVersion
    manifests: tuple[str, ...]  #: regular expressions of the paths at which ScanCode looks for package data
    scanners: tuple[str, ...]  #: names, in the order in which a file is given to them


@dataclass
class _Round:
    """How one child's work went."""

    done: set[str] = field(default_factory=set)
    at: str | None = None  #: the file that it had in hand when it ended
    reason: str | None = None  #: why that file is given up: the engine's own sentence
    killed: bool = False  #: the child was killed, which others than the file may have done
    guilty: bool = False  #: the file is given up at once, without a second attempt


class Engine:
    """The engine behind a socket. It needs no connection between calls, so that it survives the server's restarts."""

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self.path = path
        self.patience = patience
        self._kept = Kept()

    def version(self, *, beat: Callable[[], None] = _no_beat) -> EngineVersion:
        """Return the version of the running server; waits until it is ready. Raises EngineError."""
        return self.about(beat=beat).version

    def about(self, *, beat: Callable[[], None] = _no_beat) -> About:
        """Return what the running server says of itself; waits until it is ready. Raises EngineError."""
        wire, about = self._connect(beat)
        wire.close()
        return about

    def scan(
        self,
        workspace: Path,
        files: Sequence[FileEntry],
        *,
        packages_only: Sequence[FileEntry] = (),
        limits: Limits,
        beat: Callable[[], None] = _no_beat,
    ) -> Iterator[FileFindings]:
        """Yield the findings of each file once, in any order; of ``packages_only`` the package data alone.

        A file that hangs or kills the child that scans it has an error in its findings, which are those of the scanners
        that can cope with it, and costs no other file anything. ``beat`` is called about every second, and may raise to
        end the scan. Raises EngineError.
        """
        only = {file.path: ("packages",) for file in packages_only}
        waiting = list(dict.fromkeys(file.path for file in [*files, *packages_only]))
        suspects: dict[str, str | None] = {}  # with the reason, if it was certainly the file's own doing
        fruitless = 0
        while waiting or suspects:
            # A child may have been killed from outside, so the file that it had in hand is given a second chance,
            # last and in a child of its own.
            asked = waiting or [next(iter(suspects))]
            result = _Round()
            yield from self._round(workspace, asked, only, result, limits, beat)
            finished = set(result.done)
            fruitless = 0 if finished else fruitless + 1
            if result.at is not None:
                if result.guilty or fruitless >= FRUITLESS or (result.reason and not waiting):
                    known = suspects.get(result.at) if result.killed else None
                    reason = known or result.reason or "the scanner went away."
                    yield self._apart(workspace, result.at, only.get(result.at), reason, limits, beat)
                    finished.add(result.at)
                    fruitless = 0
                elif result.reason:
                    suspects[result.at] = None if result.killed else result.reason
                    waiting.remove(result.at)
                    fruitless = 0
            if fruitless >= FRUITLESS:
                raise EngineError(f"The scanner stopped {fruitless} times: {result.reason or 'without a reason.'}")
            waiting = [path for path in waiting if path not in finished]
            suspects = {path: reason for path, reason in suspects.items() if path not in finished}

    def _apart(
        self,
        workspace: Path,
        path: str,
        names: Sequence[str] | None,
        reason: str,
        limits: Limits,
        beat: Callable[[], None],
    ) -> FileFindings:
        """Give a file that was given up to each scanner alone, in a child of its own and not for long.

        Stock, which can interrupt some of what hangs, loses only the findings of that scanner, too.
        """
        given_up = FileFindings(path, errors=(f"ERROR: Processing interrupted: {reason}",), complete=False)
        names = self.about(beat=beat).scanners if names is None else names
        if len(names) < 2:
            return given_up
        limits = replace(limits, file_seconds=max(1, limits.file_seconds // APART))
        results: dict[str, Any] = {}
        errors: list[str] = []
        reasons = set()
        seconds = 0.0
        for name in names:
            result = _Round()
            for found in self._round(workspace, [path], {path: [name]}, result, limits, beat):
                results |= found.results
                errors += found.errors
                seconds += found.seconds
            if not result.done:
                why = result.reason or "the scanner went away."
                errors.append(f"ERROR: for scanner: {name}:\nERROR: Processing interrupted: {why}")
                reasons.add(why)
        if reason not in reasons:
            errors = [*given_up.errors, *errors]
        return replace(given_up, results=results, errors=tuple(errors), seconds=seconds)

    def _round(
        self,
        workspace: Path,
        paths: Sequence[str],
        only: Mapping[str, Sequence[str]],
        result: _Round,
        limits: Limits,
        beat: Callable[[], None],
    ) -> Iterator[FileFindings]:
        """Have one child scan these files, with all scanners or ``only`` some, as far as it gets."""
        request: dict[str, Any] = {
            "do": "scan",
            "workspace": str(workspace.resolve()),
            "paths": paths,
            "only": {path: only[path] for path in paths if path in only},
            "limits": limits.as_dict(),
        }
        asked = set(paths)
        self._kept.let_go()
        wire, _ = self._connect(beat)
        whole = False
        try:
            wire.send(request)
            while True:
                seconds = limits.file_seconds if result.at is not None else self.patience
                message = _receive(wire, seconds, beat)
                match message:
                    case {"start": str(path)} if result.at is None and path in asked - result.done:
                        result.at = path
                    case {"done": dict(data)} if result.at is not None and (found := _findings(data, result.at)):
                        result.done.add(result.at)
                        result.at = None
                        yield found
                    case {"end": True} if result.at is None:
                        whole = True
                        self._kept.keep(wire, request["workspace"], {path.split("/")[0] for path in paths})
                        return
                    case {"died": str(reason)} | {"error": str(reason)}:
                        result.reason = _near_limit(reason, message, limits)
                        result.killed = message.get("killed") is True
                        return
                    case _:
                        # The file in hand may have taken the child over.
                        result.guilty = result.at is not None
                        result.reason = "the scanner answered something that makes no sense."
                        return
        except Silent:
            # Closing the connection is what makes the server kill the child.
            result.guilty = result.at is not None
            result.reason = f"timeout after {limits.file_seconds} seconds." if result.guilty else "it did not answer."
        except Closed:
            # The server itself is gone; no file is to blame.
            return
        finally:
            if not whole:
                wire.close()

    def assemble(
        self,
        workspace: Path,
        root: str,
        findings: Sequence[Path],
        folder: Path,
        *,
        limits: Limits,
        beat: Callable[[], None] = _no_beat,
    ) -> None:
        """Write ``folder/report.jsonl``: ScanCode's own report of these findings, as JSON Lines.

        ``findings`` are gzipped JSON Lines of ``FileFindings.as_dict()``. ``beat`` as for ``scan``. Raises EngineError,
        and LimitExceeded where that takes too long or too much memory.
        """
        request: dict[str, Any] = {
            "do": "assemble",
            "workspace": str(workspace.resolve()),
            "root": root,
            "limits": limits.as_dict(),
        }
        with _joined(findings, folder) as found:
            if wire := self._kept.take(request["workspace"], root, os.fstat(found.fileno()).st_size):
                # Whatever goes wrong there, a child of its own has higher limits, and says what it was.
                with suppress(Closed, Silent):
                    if "end" in _report(wire, request, found, folder, limits, beat):
                        return
            reason = "the engine went away."
            for _ in range(FRUITLESS):
                wire, _about = self._connect(beat)
                try:
                    message = _report(wire, request, found, folder, limits, beat)
                except Silent as error:
                    raise _beyond(limits, "report_seconds") from error
                except Closed:
                    continue
                if "end" in message:
                    return
                if message.get("beyond") == "report_memory":
                    raise _beyond(limits, "report_memory")
                if "error" in message:
                    raise EngineError(str(message["error"]))
                reason = str(message.get("died", reason))
        raise EngineError(f"The report could not be put together: {reason}")

    def _connect(self, beat: Callable[[], None] = _no_beat) -> tuple[Wire, About]:
        """Connect to the server; while it is starting, try again."""
        until = time.monotonic() + self.patience
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            wire = Wire(connection)
            try:
                with socket_name(self.path.absolute()) as name:
                    connection.connect(name)
                left = max(BEAT, until - time.monotonic())
                greeting = _receive(wire, left, beat)
                version = EngineVersion(**greeting["version"])
                return wire, About(version, tuple(greeting["manifests"]), tuple(greeting["scanners"]))
            except (OSError, Closed, Silent) as error:
                wire.close()
                if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
                    raise EngineError(f"The engine's socket {self.path} may not be used by this user.") from error
                if time.monotonic() >= until:
                    raise EngineError(f"The engine does not answer at {self.path}.") from error
            except BaseException:
                wire.close()
                raise
            beat()
            time.sleep(0.05)


@contextmanager
def _joined(paths: Sequence[Path], folder: Path) -> Iterator[IO[bytes]]:
    """Open gzipped files as one, for which ``folder`` has room."""
    if len(paths) == 1:
        with paths[0].open("rb") as one:
            yield one
        return
    with tempfile.TemporaryFile(dir=folder) as joined:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, joined)
        joined.flush()
        yield joined


def _report(
    wire: Wire, request: dict[str, Any], findings: IO[bytes], folder: Path, limits: Limits, beat: Callable[[], None]
) -> dict[str, Any]:
    """Have a child write a report, and return what it says; raises Silent and Closed."""
    findings.seek(0)
    try:
        with (folder / "report.jsonl").open("wb") as lines:
            wire.send(request, [findings.fileno(), lines.fileno()])
            return _receive(wire, limits.report_seconds, beat)
    finally:
        wire.close()


def _near_limit(reason: str, message: dict[str, Any], limits: Limits) -> str:
    """Add to the reason why a child died that it had come near its limit on memory.

    Half of it is near: what is needed next may be twice what is there, and code in C seldom gets over being refused it.
    """
    memory = message.get("memory")
    if not isinstance(memory, int) or memory < limits.file_memory // 2:
        return reason
    return f"{reason.removesuffix('.')} near its limit on memory, {stated(limits, 'file_memory')}."


def _beyond(limits: Limits, name: str) -> LimitExceeded:
    return LimitExceeded(f"Putting the report together takes more than {stated(limits, name)}.")


def _receive(wire: Wire, seconds: float, beat: Callable[[], None]) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        try:
            return wire.receive(min(BEAT, max(0.0, left)))
        except Silent:
            if left <= BEAT:
                raise
            beat()


def _findings(data: dict[str, Any], path: str) -> FileFindings | None:
    """Return what a child found; None if it has not the right shape."""
    try:
        found = FileFindings.from_dict(data)
    except (TypeError, KeyError):
        return None
    right = (
        found.path == path
        and isinstance(found.results, dict)
        and all(isinstance(error, str) for error in found.errors)
        and isinstance(found.seconds, int | float)
        and isinstance(found.complete, bool)
    )
    return found if right else None
