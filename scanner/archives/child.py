"""The process that unpacks: started with nothing of its parent's, locked into one folder, one line per message.

Run by ``scanner.archives.process``; what passes between the two is in ``scanner.archives.messages``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import locale
import sys
import time
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from scanner import sandbox
from scanner.archives import opening
from scanner.archives.budget import Budget
from scanner.archives.messages import Request
from scanner.errors import ArchiveBroken, DiskFull, ScannerError
from scanner.limits import Limits

_SECONDS_BETWEEN_MESSAGES = 0.2
_LONGEST_TRACE = 8_000


def main() -> None:
    sandbox.lower_priority(sandbox.SCANS_NICENESS)
    request = Request(**json.loads(sys.stdin.readline()))
    limits = Limits(**request.limits)
    # libarchive gives names in the locale's character set; without UTF-8 it still gives them as wide characters.
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    with Path(request.archive).open("rb") as file:
        sandbox.enter(
            writable=[request.folder],
            memory=limits.unpack_memory,
            file_bytes=limits.unpacked_bytes,
            cpu_seconds=limits.unpack_seconds,
            parent=request.parent,
        )
        _say(_outcome(file, request, limits))


def _outcome(file: BinaryIO, request: Request, limits: Limits) -> dict[str, Any]:
    try:
        archive, notes = opening.open_all(file, request.name, Path(request.folder), Budget(limits, _Progress()))
    except ScannerError as error:
        return _error(error)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _error(DiskFull())
        return _crash()
    except Exception:
        return _crash()
    return {"done": {"archive": archive, "notes": notes}}


def _error(error: ScannerError) -> dict[str, Any]:
    kind = next(base.__name__ for base in type(error).__mro__ if base.__module__ == "scanner.errors")
    return {"error": {"kind": kind, "sentence": str(error), "advice": error.advice}}


def _crash() -> dict[str, Any]:
    """Describe an exception that this code should not have let happen: the parent puts it into the log."""
    trace = traceback.format_exc()[-_LONGEST_TRACE:]
    return _error(ArchiveBroken("The archive cannot be read.")) | {"trace": trace}


class _Progress:
    """Tell the parent how far it is, a few times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, count: int) -> None:
        if (now := time.monotonic()) >= self._next:
            self._next = now + _SECONDS_BETWEEN_MESSAGES
            _say({"bytes": count})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
