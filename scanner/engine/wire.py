"""What travels between a client and the engine's children: one JSON object per line, in both directions.

JSON and never pickle: a child has parsed a stranger's files, so what it says is data, and of bounded size.

    client → child    {"do": "scan", "workspace": …, "paths": […], "only": {path: [scanner, …]}, "limits": {…}}
                      {"do": "assemble", "workspace": …, "root": …, "limits": {…}}   with two open files (unix(7),
                      SCM_RIGHTS): the findings to read, report.jsonl to write
    server → client   {"version": {…}, "manifests": […], "scanners": […]}   at once, on every connection
    child  → client   {"start": path}  {"done": FileFindings}  …  {"end": true}  or  {"error": sentence}
    server → client   {"died": sentence, "killed": by SIGKILL?, "memory": bytes}   if the child ended before its "end"

A child that has scanned all that it was asked for waits a moment for being asked to assemble the report, too.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: The longest line that is taken from the other side: the findings of one file.
LINE_BYTES = 200_000_000
#: How many open files come with a request at most.
FILES = 3


class Silent(Exception):
    """Nothing arrived in time."""


class Closed(Exception):
    """The other side is gone."""


class Wire:
    """One connection, as a sequence of JSON objects; only a child takes open files that come along."""

    def __init__(self, connection: socket.socket, *, takes_files: bool = False) -> None:
        self.connection = connection
        self.files: list[int] = []
        self._takes_files = takes_files
        self._buffer = bytearray()
        self._searched = 0

    def send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        """Send one object, and open files with it; raises Closed."""
        line = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
        try:
            self.connection.settimeout(None)
            if files:
                line = line[socket.send_fds(self.connection, [line], files) :]
            self.connection.sendall(line)
        except OSError as error:
            raise Closed from error

    def receive(self, seconds: float | None = None) -> dict[str, Any]:
        """Return the next object. Raises Silent if none is complete after so many seconds, Closed at the end.

        Lines that are no object are passed over: a child that is killed may leave half a line behind.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            message = self._next_line()
            if message is not None:
                return message
            left = None if until is None else until - time.monotonic()
            # Asked even while bytes keep coming: a child that was taken over may send nonsense without an end.
            if left is not None and left <= 0:
                raise Silent
            self._fill(left)

    def _next_line(self) -> dict[str, Any] | None:
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                return message
        self._searched = len(self._buffer)
        return None

    def _fill(self, seconds: float | None) -> None:
        try:
            self.connection.settimeout(seconds)
            if self._takes_files:
                received, files, _flags, _address = socket.recv_fds(self.connection, 1 << 20, FILES)
                self.files += files
            else:
                received = self.connection.recv(1 << 20)
        except TimeoutError as error:
            raise Silent from error
        except OSError as error:
            raise Closed from error
        if not received:
            raise Closed
        self._buffer += received
        if len(self._buffer) > LINE_BYTES:
            raise Closed

    def close(self) -> None:
        self.connection.close()


@contextmanager
def socket_name(path: Path) -> Iterator[str]:
    """Give a name under which a socket can be bound or reached, however long its path is (Linux takes 107 bytes)."""
    if len(os.fsencode(path)) <= 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
