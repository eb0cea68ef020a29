"""What travels between client and child: whole objects or nothing."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.engine import wire
from scanner.engine.wire import Closed, Silent, Wire, socket_name


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours), theirs


def test_objects_arrive_as_they_were_sent(pair: tuple[Wire, socket.socket]) -> None:
    receiver, theirs = pair
    sent = [{"path": "a\nb"}, {"path": "not \udcff utf-8"}, {"text": "ü" * 300_000}]
    for message in sent[:2]:
        Wire(theirs).send(message)

    assert [receiver.receive(), receiver.receive()] == sent[:2]


def test_an_object_may_come_in_pieces(pair: tuple[Wire, socket.socket]) -> None:
    receiver, theirs = pair
    theirs.sendall(b'{"a"')
    with pytest.raises(Silent):
        receiver.receive(0.01)
    theirs.sendall(b': 1}\n{"b": 2}\n')

    assert [receiver.receive(), receiver.receive()] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("half", [b'{"a": ', b"[1]", b"\xff\xfe", b"[" * 100_000, b""], ids=range(5))
def test_a_line_that_is_no_object_is_passed_over(pair: tuple[Wire, socket.socket], half: bytes) -> None:
    receiver, theirs = pair
    theirs.sendall(half + b'\n{"died": "killed"}\n')

    assert receiver.receive() == {"died": "killed"}


def test_the_end_is_noticed(pair: tuple[Wire, socket.socket]) -> None:
    receiver, theirs = pair
    theirs.close()

    with pytest.raises(Closed):
        receiver.receive()
    with pytest.raises(Closed):
        receiver.send({"a": 1})


def test_a_line_without_an_end_is_not_collected_for_ever(
    pair: tuple[Wire, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, theirs = pair
    monkeypatch.setattr(wire, "LINE_BYTES", 1000)
    theirs.sendall(b"x" * 2000)

    with pytest.raises(Closed):
        receiver.receive()


def test_a_short_path_is_its_own_name(tmp_path: Path) -> None:
    with socket_name(Path("/run/engine.sock")) as name:
        assert name == "/run/engine.sock"
    with socket_name(tmp_path / ("x" * 120)) as name:
        assert len(name) < 108 + 40
        assert name.startswith("/proc/self/fd/")


def test_open_files_come_with_an_object_for_who_takes_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    ours, theirs = socket.socketpair()
    taker, other = Wire(ours, takes_files=True), Wire(theirs)
    with ours, theirs, (tmp_path / "file").open("rb") as file:
        # Longer than what fits into the connection at once.
        message = {"text": "ü" * 300_000}
        sender = threading.Thread(target=other.send, args=(message, [file.fileno()]))
        sender.start()
        received = taker.receive()
        sender.join()
        taker.send({"a": 1}, [file.fileno()])

        assert received == message
        assert other.receive() == {"a": 1}
        assert other.files == []
        (taken,) = taker.files
        assert os.pread(taken, 10, 0) == b"text"
        os.close(taken)
