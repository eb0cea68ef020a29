"""The jail: a process that reads what strangers sent can answer, and do nothing else."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import LimitExceeded, ScannerError
from scanner.limits import Limits
from scanner.packing import jail
from scanner.results import Progress, no_progress

LIMITS = Limits(unpack_seconds=20, unpack_memory=200_000_000)


def run(
    folder: Path, act: str, *, limits: Limits = LIMITS, progress: Progress = no_progress, **more: Any
) -> dict[str, Any]:
    return jail.run("tests.scanner.packing.worker", {"act": act, **more}, folder, limits=limits, progress=progress)


def test_it_answers_from_its_folder_with_nothing_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/")

    answer = run(tmp_path, "answer")

    assert answer["cwd"] == str(tmp_path)
    assert "DATABASE_URL" not in answer["environment"]


def test_its_refusal_is_ours(tmp_path):
    with pytest.raises(LimitExceeded, match="Too much") as caught:
        run(tmp_path, "refuse")
    assert caught.value.advice == "Take less."


@pytest.mark.parametrize("act", ["crash", "babble", "nonsense"])
def test_whatever_it_does_becomes_a_sentence(tmp_path, act):
    with pytest.raises(ScannerError) as caught:
        run(tmp_path, act)
    assert str(caught.value).endswith(".")


def test_a_mistake_of_ours_is_logged_with_its_trace(tmp_path, caplog):
    with pytest.raises(ScannerError, match="could not be unpacked"):
        run(tmp_path, "fail")
    assert "ZeroDivisionError" in caplog.text


def test_it_ends_at_its_deadline(tmp_path):
    with pytest.raises(LimitExceeded, match="longer than 1 second"):
        run(tmp_path, "hang", limits=Limits(unpack_seconds=1))


def test_it_has_only_so_much_memory(tmp_path):
    with pytest.raises(LimitExceeded, match="more memory"):
        run(tmp_path, "eat", bytes=2_000_000_000)


def test_it_can_be_stopped(tmp_path):
    class Stop(Exception):
        pass

    def progress(_done: int, _whole: int | None) -> None:
        raise Stop

    with pytest.raises(Stop):
        run(tmp_path, "hang", progress=progress)


def test_it_writes_in_its_folder_only(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()

    run(inside, "write", path=str(inside / "x"))
    with pytest.raises(ScannerError):
        run(inside, "write", path=str(outside))

    assert (inside / "x").exists()
    assert not outside.exists()


def test_it_reads_no_file_of_this_machine(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("password")
    (tmp_path / "inside").mkdir()

    with pytest.raises(ScannerError):
        run(tmp_path / "inside", "read", path=str(secret))


def test_it_reaches_no_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)

        with pytest.raises(ScannerError):
            run(tmp_path, "connect", port=listener.getsockname()[1])
        with pytest.raises(TimeoutError):
            listener.accept()


def test_it_starts_only_what_it_is_given(tmp_path):
    with pytest.raises(ScannerError):
        run(tmp_path, "run")
