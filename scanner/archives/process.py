"""Start the process that unpacks, listen to it, and end it: at the deadline, or when its listener has had enough."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scanner import errors
from scanner.archives.messages import Request
from scanner.limits import Limits, stated
from scanner.results import Progress

_log = logging.getLogger(__name__)

#: How often progress is called even if the child is silent, so that a scan can be cancelled. Seconds.
_PATIENCE = 0.25
#: The child may have been taken over by what it reads: no message of it can be longer. Bytes.
_LONGEST_MESSAGE = 1 << 20
_PROJECT = Path(__file__).parents[2]
_RAISED = {"ArchiveError", "ArchiveBroken", "ArchiveRefused", "DiskFull", "LimitExceeded", "ScannerError"}


def run(archive: Path, name: str, folder: Path, *, limits: Limits, progress: Progress) -> tuple[bool, tuple[str, ...]]:
    """Unpack into an empty folder, in a process of its own. Returns what ``opening.open_all`` does, or raises it.

    The folder is left as it is then. Whatever ``progress`` raises ends the process and passes through.
    """
    request = Request(str(archive.resolve()), name, str(folder.resolve()), limits.as_dict(), os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-m", "scanner.archives.child"],
        cwd=_PROJECT,
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with child:
        try:
            return _listen(child, request, limits, progress)
        finally:
            # The whole group: the leader has not been waited for, so its number still means this group.
            os.killpg(child.pid, signal.SIGKILL)


def _listen(
    child: subprocess.Popen[bytes], request: Request, limits: Limits, progress: Progress
) -> tuple[bool, tuple[str, ...]]:
    assert child.stdin is not None
    assert child.stdout is not None
    deadline = time.monotonic() + limits.unpack_seconds
    # A child that is dead already has said so on its other end.
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        child.stdin.close()
    received = bytearray()
    done = 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() > deadline:
                raise _too_slow(limits)
            progress(done, None)
            if not selector.select(_PATIENCE):
                continue
            data = os.read(child.stdout.fileno(), 65_536)
            if not data:
                raise _died(child, limits)
            received += data
            while (end := received.find(b"\n")) >= 0:
                message = _message(bytes(received[:end]))
                del received[: end + 1]
                if not isinstance(message.get("bytes"), int):
                    return _result(message)
                done = max(done, message["bytes"])
            if len(received) > _LONGEST_MESSAGE:
                raise _went_wrong()


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {}


def _result(message: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
    if trace := message.get("trace"):
        _log.error("unpacking failed unexpectedly:\n%s", trace)
    match message:
        case {"done": {"archive": bool(archive), "notes": list(notes)}}:
            return archive, tuple(str(note) for note in notes)
        case {"error": {"kind": str(kind), "sentence": str(sentence), "advice": str(advice)}} if kind in _RAISED:
            raise getattr(errors, kind)(sentence, advice=advice)
    raise _went_wrong()


def _died(child: subprocess.Popen[bytes], limits: Limits) -> errors.ScannerError:
    """Say why a child has closed its end without a result. It stays to be waited for, so that its number stays its."""
    for _ in range(100):
        if ended := os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(_PATIENCE / 5)
    if ended and ended.si_code != os.CLD_EXITED and ended.si_status in (signal.SIGXCPU, signal.SIGKILL):
        return _too_slow(limits)
    _log.warning("the process that unpacks ended early: %s", ended)
    return _went_wrong()


def _went_wrong() -> errors.ArchiveBroken:
    return errors.ArchiveBroken("The archive cannot be read: the program that unpacks it crashed.")


def _too_slow(limits: Limits) -> errors.LimitExceeded:
    return errors.LimitExceeded(f"Unpacking takes longer than {stated(limits, 'unpack_seconds')}.")
