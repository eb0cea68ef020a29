"""A child of the engine server: a batch, a report, or the one and then the other, inside the sandbox to its end."""

from __future__ import annotations

import gc
import os
import re
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scancode import Scanner

from scanner import sandbox
from scanner.engine.codebase import assemble, keep_temporary_files_in
from scanner.engine.files import scan_file, without_machine
from scanner.engine.warm import Warm
from scanner.engine.wire import Closed, Silent, Wire
from scanner.limits import Limits, stated

#: The largest file that a scanner may make: it unpacks the metadata of some packages to look at them.
TEMPORARY_BYTES = 1_000_000_000
#: How long a child that has scanned waits for being asked to put the report together, seconds.
MOMENT = 0.5


def run(warm: Warm, connection: socket.socket, folder: Path, server: int) -> None:
    """Answer one request, or a scan's two, and end the process. ``folder`` is where it may write."""
    status = 1
    try:
        _forget_server(connection)
        wire = Wire(connection, takes_files=True)
        request = wire.receive()
        if _answered(wire, request, lambda: _do(wire, request, warm, folder, server)):
            _go_on(wire, request, folder)
        status = 0
    finally:
        # Neither the server's own exit handlers nor the interpreter's clearing up of a gigabyte may run here.
        os._exit(status)


def _answered(wire: Wire, request: dict[str, Any], work: Callable[[], bool]) -> bool:
    """Do what was asked for and say that it is done, or what went wrong; tell whether this process is fit for more."""
    try:
        fit = work()
        wire.send({"end": True})
    except Exception as error:
        beyond = isinstance(error, MemoryError) and request.get("do") == "assemble"
        wire.send({"beyond": "report_memory"} if beyond else {"error": _sentence(error, request)})
        return False
    return fit


def _go_on(wire: Wire, scanned: dict[str, Any], folder: Path) -> None:
    """Put the report together, too, if that is what comes next: most of what that takes is in place here."""
    try:
        request = wire.receive(MOMENT)
    except (Silent, Closed):
        return
    if request["do"] == "assemble" and request["workspace"] == scanned["workspace"]:
        _answered(wire, request, lambda: _assemble(wire, request, folder))


def _forget_server(connection: socket.socket) -> None:
    """Let go of everything of the server's that was inherited."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    sandbox.close_all_but((0, 1, 2, connection.fileno()))
    # The sandbox refuses to set times and modes, which ScanCode does to temporary files of its own and does not need.
    for name in ("utime", "chmod"):
        setattr(os, name, lambda *_args, **_kwargs: None)
    # Few collections: a child lives for one batch, and what it inherited is frozen.
    gc.set_threshold(50_000, 20, 100)


def _do(wire: Wire, request: dict[str, Any], warm: Warm, folder: Path, server: int) -> bool:
    """Enter the sandbox for what was asked, and do it; tell whether this process is fit for more."""
    workspace, limits = Path(request["workspace"]), Limits(**request["limits"])
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    if request["do"] == "scan":
        sandbox.enter(
            readable={workspace / path.split("/")[0] for path in request["paths"]},
            writable=[folder],
            memory=limits.file_memory,
            file_bytes=TEMPORARY_BYTES,
            metadata=False,
            parent=server,
        )
        keep_temporary_files_in(folder)
        return _scan(wire, request, warm.scanners, limits)
    if request["do"] == "assemble":
        sandbox.enter(
            readable=[workspace / request["root"]],
            writable=[folder],
            memory=limits.report_memory,
            file_bytes=limits.unpacked_bytes,
            metadata=False,
            parent=server,
        )
        return _assemble(wire, request, folder)
    raise ValueError(f"unknown request {request['do']!r}")


def _assemble(wire: Wire, request: dict[str, Any], folder: Path) -> bool:
    """Write a report of the first to the second of the files that came along."""
    # What a report is made of stays until it is written: to look for what might go takes a twentieth of the time.
    gc.disable()
    found, made = wire.files
    with os.fdopen(found, "rb") as findings, os.fdopen(made, "w", encoding="utf-8") as lines:
        assemble(Path(request["workspace"]), request["root"], findings, lines, folder)
    return False


def _scan(wire: Wire, request: dict[str, Any], scanners: Sequence[Scanner], limits: Limits) -> bool:
    """Scan the files asked for, up to one that took so much memory that another child had better go on.

    Tell whether there was none.
    """
    workspace, only = Path(request["workspace"]), request["only"]
    before = _peak_bytes()
    for path in request["paths"]:
        wire.send({"start": path})
        using = [one for one in scanners if one.name in only[path]] if path in only else scanners
        found = scan_file(workspace, path, using, limits)
        # Some scanners swallow the error of having no more memory, so coming near the limit counts as reaching it.
        enough = _peak_bytes() - before < limits.file_memory // 2
        errors = tuple(_told(error, limits) for error in found.errors)
        wire.send({"done": replace(found, errors=errors, complete=found.complete and enough).as_dict()})
        if not enough:
            return False
    return True


def _told(error: str, limits: Limits) -> str:
    """Say of a scanner that had no more memory which limit that was, in place of where in the code it happened."""
    scanner, _, rest = error.partition("\n")
    # An exception's name begins a line of a traceback; NumPy has one of its own.
    if not re.search(r"^[\w.]*MemoryError\b", rest, re.MULTILINE):
        return error
    return f"{scanner}\nERROR: This file needs more memory than {stated(limits, 'file_memory')}."


def _peak_bytes() -> int:
    """Return the most memory that this process ever had."""
    return int(re.search(r"VmPeak:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]


def _sentence(error: Exception, request: dict[str, Any]) -> str:
    """Say what went wrong, with the place in our or ScanCode's code, without this machine's folders."""
    if isinstance(error, MemoryError):
        return f"it needs more memory than {stated(Limits(**request['limits']), 'file_memory')}."
    place = traceback.extract_tb(sys.exc_info()[2])[-1]
    text = f"The scanner failed: {type(error).__name__}: {error} ({place.filename}:{place.lineno})"
    return without_machine(text, Path(request.get("workspace", "/")))
