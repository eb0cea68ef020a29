"""An engine server without ScanCode's index, whose children do what the file's name says.

    python -m tests.scanner.engine.hooked SOCKET PARENT

The server, its children, their sandbox and the protocol are the real ones; only the scanning of a file is not.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from scancode import Scanner

from scanner.engine import child, server, warm
from scanner.limits import Limits
from scanner.results import EngineVersion, FileFindings

SECRET = Path("/etc/passwd")
#: What this child was asked for so far; the second chance of a file is a child of its own.
SCANNED: list[str] = []


def scan_file(workspace: Path, path: str, using: Sequence[Scanner], _limits: Limits) -> FileFindings:
    """Do what the first part of the file's name says; the scanner "info" alone comes through everything."""
    names = [scanner.name for scanner in using]
    if names == ["info"]:
        return FileFindings(path, {"info": (workspace / path).stat().st_size}, seconds=0.5)
    SCANNED.append(path)
    what = path.rpartition("/")[2].split("-")[0]
    match what:
        case "hangs":
            time.sleep(600)
        case "stops":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "crashes":
            ctypes.string_at(1)
        case "exits":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "killedonce" if len(SCANNED) > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        case "crashesfirst" if len(SCANNED) > 1:
            ctypes.string_at(1)
        case "crashesfirst":
            os.kill(os.getpid(), signal.SIGKILL)
        case "alone" if names != ["licenses"]:
            ctypes.string_at(1)
        case "greedy":
            kept = bytearray(700_000_000)
            ctypes.string_at(1)
        case "lies":
            return FileFindings("another/file")
        case "large":
            kept = bytearray(700_000_000)
            return FileFindings(path, {"size": len(kept)})
        case "starves":
            trace = "Traceback (most recent call last):\nMemoryError"
            starved = f"ERROR: for scanner: licenses:\nERROR: Unknown error:\n{trace}"
            return FileFindings(path, errors=(starved, "ERROR: for scanner: urls:\n    except MemoryError:"))
        case "raises":
            raise RuntimeError(f"at {workspace}/{path}")
        case "curious":
            return FileFindings(path, {"refused": _what_is_refused(workspace)})
        case "babbles":
            _say_for_ever(b"no object\n")
        case "restarts":
            _say_for_ever(json.dumps({"start": path}).encode() + b"\n")
        case "ends":
            _say_for_ever(b'{"end": true}\n')
        case "hangsup":
            socket.socket(fileno=_connection()).shutdown(socket.SHUT_RDWR)
            time.sleep(600)
        case "slow":
            time.sleep(0.5)
    return FileFindings(path, {"pid": os.getpid(), "text": (workspace / path).read_text()})


def _say_for_ever(line: bytes) -> None:
    """Send a line to the client again and again, as a child that was taken over could."""
    while True:
        os.write(_connection(), line)
        time.sleep(0.001)


def _connection() -> int:
    return next(fd for fd in range(3, 64) if Path(f"/proc/self/fd/{fd}").is_socket())


def _what_is_refused(workspace: Path) -> list[str]:
    attempts = {
        "secret": SECRET.read_text,
        "socket": socket.socket,
        "write": lambda: (workspace / "made").write_text(""),
        "signal": lambda: os.kill(os.getppid(), 0),
        "server": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "fork": os.fork,
    }
    refused = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            refused.append(name)
    return refused


if __name__ == "__main__":
    child.scan_file = scan_file
    scanners = [Scanner(name, None) for name in ("info", "licenses")]
    warm.warm_up = lambda: warm.Warm(scanners, EngineVersion("0", "hooked", "1"), [])
    sys.exit(server.main(sys.argv[1:]))
