"""The child that scanned puts the report together, too, where it can, and is missed nowhere."""

from __future__ import annotations

import gzip
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.engine.child import MOMENT
from scanner.engine.client import Engine
from scanner.engine.kept import LARGEST, Kept
from scanner.engine.wire import Wire
from scanner.limits import Limits
from tests.scanner.engine.whole import entries, read

FILES = {"a.py": "# Copyright (c) 2024 Ada\n# License: MIT\n", "b.c": "/* SPDX-License-Identifier: GPL-2.0-only */\n"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "out").mkdir()
    for name, text in FILES.items():
        (tmp_path / "root" / name).write_text(text)
    return tmp_path


@pytest.fixture
def alone(engine: Engine) -> Engine:
    """An engine of this test's own, which has kept nothing yet."""
    return Engine(engine.path)


def _scan(engine: Engine, workspace: Path) -> list[Path]:
    """Return the findings, in a file for each that was scanned."""
    paths = []
    for number, found in enumerate(engine.scan(workspace, entries(workspace, "root"), limits=Limits())):
        paths.append(workspace / f"findings-{number}")
        paths[-1].write_bytes(gzip.compress(json.dumps(found.as_dict()).encode() + b"\n"))
    return paths


def _report(engine: Engine, workspace: Path, findings: list[Path]) -> dict[str, Any]:
    engine.assemble(workspace, "root", findings, workspace / "out", limits=Limits())
    report = read(workspace / "out" / "report.jsonl")
    for changing in ("start_timestamp", "end_timestamp", "duration"):
        del report["headers"][0][changing]
    return report


def _no_other_child(*_: object) -> None:
    raise AssertionError("another child is asked for")


def test_the_child_that_scanned_puts_the_report_together(
    alone: Engine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _report(Engine(alone.path), workspace, _scan(Engine(alone.path), workspace))
    findings = _scan(alone, workspace)
    monkeypatch.setattr(alone, "_connect", _no_other_child)

    assert _report(alone, workspace, findings) == expected
    assert [file["path"] for file in expected["files"]] == ["root", "root/a.py", "root/b.c"]
    with pytest.raises(AssertionError, match="another child"):
        _report(alone, workspace, findings)


def test_after_a_moment_another_child_does(alone: Engine, workspace: Path) -> None:
    findings = _scan(alone, workspace)
    time.sleep(MOMENT * 2)

    assert len(_report(alone, workspace, findings)["files"]) == 3


@pytest.mark.parametrize("answer", [{"error": "it failed"}, {"beyond": "report_memory"}, None])
def test_if_it_fails_half_way_another_child_does(
    alone: Engine, workspace: Path, answer: dict[str, str] | None, connections: list[socket.socket]
) -> None:
    findings = _scan(alone, workspace)
    _wire, theirs = _kept(alone._kept, connections, str(workspace))

    def fail() -> None:
        wire = Wire(theirs, takes_files=True)
        wire.receive()
        os.read(wire.files[0], 100_000)
        os.write(wire.files[1], b"rubbish" * 100_000)
        for file in wire.files:
            os.close(file)
        if answer:
            wire.send(answer)
        wire.close()

    failing = threading.Thread(target=fail)
    failing.start()
    report = _report(alone, workspace, findings)
    failing.join()

    assert [file["path"] for file in report["files"]] == ["root", "root/a.py", "root/b.c"]
    assert report["files"][1]["detected_license_expression"] == "mit"


@pytest.fixture
def connections() -> Iterator[list[socket.socket]]:
    made: list[socket.socket] = []
    yield made
    for one in made:
        one.close()


def _kept(kept: Kept, connections: list[socket.socket], workspace: str = "/w") -> tuple[Wire, socket.socket]:
    ours, theirs = socket.socketpair()
    connections += [ours, theirs]
    wire = Wire(ours)
    kept.keep(wire, workspace, {"root"})
    return wire, theirs


def _is_closed(theirs: socket.socket) -> bool:
    theirs.settimeout(0.01)
    try:
        return theirs.recv(1) == b""
    except TimeoutError:
        return False


def test_one_that_fits_is_taken_once(connections: list[socket.socket]) -> None:
    kept = Kept()
    wire, theirs = _kept(kept, connections)

    assert kept.take("/w", "root", LARGEST) is wire
    assert kept.take("/w", "root", LARGEST) is None
    assert not _is_closed(theirs)


@pytest.mark.parametrize("wanted", [("/x", "root", 1), ("/w", "other", 1), ("/w", "root", LARGEST + 1)])
def test_one_that_does_not_fit_is_let_go(wanted: tuple[str, str, int], connections: list[socket.socket]) -> None:
    kept = Kept()
    _wire, theirs = _kept(kept, connections)

    assert kept.take(*wanted) is None
    assert _is_closed(theirs)


def test_there_is_one_at_most(connections: list[socket.socket]) -> None:
    kept = Kept()
    _wire, first = _kept(kept, connections)
    second_wire, second = _kept(kept, connections)

    assert _is_closed(first)
    assert kept.take("/w", "root", 1) is second_wire
    _wire, third = _kept(kept, connections)
    kept.let_go()
    assert _is_closed(third)
    assert not _is_closed(second)
    _wire, fourth = _kept(kept, connections)
    del kept
    assert _is_closed(fourth)
