"""The server alone, with children that do what a test tells them to."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scanner.engine.test_client import until

#: Its children keep a copy of every file that the server has open, as a fresh fork does for a moment.
_SERVER = """
import os, sys
from pathlib import Path
from scanner.engine.server import Server
def answer(connection, folder, server):
    connection.recv(100)
    connection.sendall(b"%d %s" % (os.getpid(), folder.name.encode()))
    if connection.recv(100) == b"leave something":
        (folder / "left").mkdir()
        (folder / "left" / "behind").write_text("")
    os._exit(0)
Server(Path(sys.argv[1]), Path(sys.argv[2]), {}, answer, iter(())).serve()
"""

Connect = Callable[[], socket.socket]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    home, path = tmp_path / "home", tmp_path / "socket"
    home.mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(subprocess.Popen([sys.executable, "-c", _SERVER, str(path), str(home)]))
        stack.callback(server.kill)

        def connected() -> socket.socket:
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(20)
            while connection.connect_ex(str(path)):
                assert server.poll() is None
            assert connection.recv(100) == b"{}\n"
            return connection

        yield connected


@dataclass
class _Child:
    connection: socket.socket
    pid: int
    folder: str


def _child(connect: Connect) -> _Child:
    connection = connect()
    connection.sendall(b"begin")
    pid, folder = connection.recv(100).decode().split()
    return _Child(connection, int(pid), folder)


def _end(child: _Child, how: bytes = b"end") -> None:
    child.connection.sendall(how)
    # Not until the connection is closed, of which others have copies.
    until(lambda: not Path(f"/proc/{child.pid}").exists())


def test_the_end_of_one_child_is_not_taken_for_that_of_the_next(connect: Connect) -> None:
    first = _child(connect)
    # It has a copy of what tells the server that the first one ended.
    _child(connect)
    _end(first)

    _child(connect)

    # A server that takes the third one for ended waits for it, and answers nobody.
    _end(_child(connect))


def test_a_folder_is_used_again_only_if_nothing_is_left_in_it(connect: Connect, tmp_path: Path) -> None:
    first, beside = _child(connect), _child(connect)
    _end(first)
    second = _child(connect)
    _end(second, b"leave something")
    third = _child(connect)

    assert second.folder == first.folder
    assert beside.folder != first.folder
    assert third.folder not in (first.folder, beside.folder)
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == sorted([beside.folder, third.folder])


def test_a_folder_that_was_cleared_away_is_missed_by_nobody(connect: Connect, tmp_path: Path) -> None:
    first, second = _child(connect), _child(connect)
    _end(first)
    (tmp_path / "home" / first.folder).rmdir()
    (tmp_path / "home" / second.folder).rmdir()
    _end(second)
    third = _child(connect)

    assert third.folder not in (first.folder, second.folder)
    assert (tmp_path / "home" / third.folder).is_dir()
    _end(third)
