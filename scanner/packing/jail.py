"""Start a process that may do nothing but its one task, listen to it, and end it.

Both sides are here: ``run`` for whoever wants the result, ``serve`` for the process itself. They speak JSON, a line
for each message: the request in, then any number of ``{"progress": n}``, then ``{"done": …}`` or ``{"error": …}`` out.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scanner import errors, sandbox
from scanner.limits import Limits, stated
from scanner.results import Progress

_log = logging.getLogger(__name__)

#: Seconds between two looks at the clock, and between two reports of progress.
_STEP = 0.25
#: Bytes. What is in the process may have been taken over by what it reads; no true message is longer.
_LONGEST_MESSAGE = 32_000_000
_LONGEST_TRACE = 8_000
_PROJECT = Path(__file__).parents[2]
_MAY_BE_RAISED = (
    "ScannerError",
    "DiskFull",
    "FetchError",
    "LimitExceeded",
    "ArchiveBroken",
    "ArchiveRefused",
    "SourceRefused",
)

Say = Callable[[int], None]


def run(module: str, request: dict[str, Any], folder: Path, *, limits: Limits, progress: Progress) -> dict[str, Any]:
    """Run the module in a process that can write in this folder only; return its result, or raise its error.

    ``progress`` is called every quarter of a second; what it raises ends the process and passes through.
    """
    message = {**request, "folder": str(folder.resolve()), "limits": asdict(limits), "parent": os.getpid()}
    child = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=_PROJECT,
        env={"LC_ALL": "C.UTF-8", "PATH": os.defpath},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with child:
        try:
            assert child.stdin is not None
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.close()
            return _result(_listen(child, limits, progress))
        finally:
            # The whole group: the leader has not been waited for, so its number still means this group.
            os.killpg(child.pid, signal.SIGKILL)


def _listen(child: subprocess.Popen[bytes], limits: Limits, progress: Progress) -> dict[str, Any]:
    """Return the last message of the child."""
    assert child.stdout is not None
    ends = time.monotonic() + limits.unpack_seconds
    waiting = bytearray()
    done = 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while time.monotonic() < ends:
            progress(done, None)
            if not selector.select(_STEP):
                continue
            data = os.read(child.stdout.fileno(), 65_536)
            waiting += data
            if not data or len(waiting) > _LONGEST_MESSAGE:
                break
            *lines, rest = bytes(waiting).split(b"\n")
            waiting = bytearray(rest)
            for line in lines:
                message = _message(line)
                if "progress" not in message:
                    return message
                done = message["progress"]
    if time.monotonic() >= ends:
        raise errors.LimitExceeded(f"Unpacking this takes longer than {stated(limits, 'unpack_seconds')}.")
    most = f"{stated(limits, 'unpack_memory')}, or longer than {stated(limits, 'unpack_seconds')}"
    raise errors.LimitExceeded(f"Unpacking this takes more memory than {most}.")


def _message(line: bytes) -> dict[str, Any]:
    """Return a message; what is none ends the conversation, since nothing that follows could be trusted."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict):
        shapes = {"progress": int, "done": dict, "error": dict}
        if any(isinstance(message.get(name), shape) for name, shape in shapes.items()):
            return message
    return _stated(errors.ScannerError("It could not be unpacked."))


def _result(message: dict[str, Any]) -> dict[str, Any]:
    if "done" in message:
        return dict(message["done"])
    stated = message["error"]
    if stated.get("trace"):
        _log.error("a packing process failed: %s", str(stated["trace"])[-_LONGEST_TRACE:])
    kind = stated.get("kind") if stated.get("kind") in _MAY_BE_RAISED else "ScannerError"
    raise getattr(errors, kind)(str(stated.get("sentence"))[:1_000], advice=str(stated.get("advice"))[:1_000])


def serve(work: Callable[[dict[str, Any], Limits, Say], dict[str, Any]]) -> None:
    """Read the request, give up all rights but those that the work needs, do it and answer.

    ``request["programs"]`` are the files and folders of programs that may be started.
    """
    request = json.loads(sys.stdin.readline())
    limits = Limits(**request["limits"])
    # What the work keeps for a while lies there too, and goes with it.
    os.chdir(request["folder"])
    sandbox.enter(
        writable=[request["folder"]],
        memory=limits.unpack_memory,
        file_bytes=2 * limits.unpacked_bytes,
        cpu_seconds=limits.unpack_seconds,
        programs=request.get("programs", ()),
        parent=request["parent"],
    )
    _write(_outcome(work, request, limits))


def _outcome(
    work: Callable[[dict[str, Any], Limits, Say], dict[str, Any]], request: dict[str, Any], limits: Limits
) -> dict[str, Any]:
    said = 0.0

    def say(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _STEP:
            said = time.monotonic()
            _write({"progress": done})

    try:
        return {"done": work(request, limits, say)}
    except errors.ScannerError as error:
        return _stated(error)
    except MemoryError:
        return _stated(
            errors.LimitExceeded(f"Unpacking this takes more memory than {stated(limits, 'unpack_memory')}.")
        )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _stated(errors.DiskFull())
        return _crashed(f"It could not be unpacked ({error.strerror}).")
    except Exception:
        return _crashed("It could not be unpacked.")


def _crashed(sentence: str) -> dict[str, Any]:
    """Return the message of an error that nobody expected, with its trace for the log."""
    message = _stated(errors.ScannerError(sentence))
    message["error"]["trace"] = traceback.format_exc()[-_LONGEST_TRACE:]
    return message


def _stated(error: errors.ScannerError) -> dict[str, Any]:
    kind = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in _MAY_BE_RAISED)
    return {"error": {"kind": kind, "sentence": str(error), "advice": error.advice}}


def _write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
