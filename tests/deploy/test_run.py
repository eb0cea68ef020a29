"""A start that cannot work says why in one line, leaves everything as it was, and exits with an error."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _start(instance: Path, **settings: str) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "INSTANCE": str(instance), "PORT": str(free_port()), **settings}
    command = [sys.executable, "-m", "deploy.run"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    return result.returncode, result.stderr + result.stdout


def _sees_one_line(code: int, output: str, *words: str) -> None:
    assert code == 1
    assert output.startswith("Cannot start: ")
    assert len(output.splitlines()) == 1, output
    for word in words:
        assert word in output


def test_a_taken_port_is_named(instance: Path, taken_port: int) -> None:
    code, output = _start(instance, PORT=str(taken_port))

    _sees_one_line(code, output, str(taken_port), "PORT")


def test_a_bad_setting_is_named(instance: Path) -> None:
    code, output = _start(instance, RETENTION_DAYS="for ever")

    _sees_one_line(code, output, "RETENTION_DAYS", "for ever")


@pytest.mark.parametrize(("file", "setting"), [("scanpost.sqlite", "DATABASE_URL"), ("queue.sqlite", "QUEUE_URL")])
def test_a_damaged_database_is_named_and_left_as_it_is(instance: Path, file: str, setting: str) -> None:
    garbage = os.urandom(5000)
    (instance / file).write_bytes(garbage)

    code, output = _start(instance)

    _sees_one_line(code, output, file, setting)
    assert (instance / file).read_bytes() == garbage


def test_a_database_server_that_is_away_is_named(instance: Path) -> None:
    port = str(free_port())

    code, output = _start(instance, DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{port}/scans")

    _sees_one_line(code, output, port)
    assert "secret" not in output


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
def test_a_queue_server_that_is_away_is_named(instance: Path, kind: str) -> None:
    port = str(free_port())

    code, output = _start(instance, QUEUE_URL=f"{kind}://me:secret@127.0.0.1:{port}/0")

    _sees_one_line(code, output, port, "QUEUE_URL")
    assert "secret" not in output


@pytest.mark.parametrize("storage", ["/proc/nowhere", "s3://bucket"])
def test_a_storage_that_cannot_be_used_is_named(instance: Path, storage: str) -> None:
    code, output = _start(instance, STORAGE_URL=storage)

    _sees_one_line(code, output, storage, "STORAGE_URL")


def test_a_folder_that_cannot_be_made_is_named() -> None:
    # Not even root may make folders here.
    code, output = _start(Path("/proc/scanpost"))

    _sees_one_line(code, output, "/proc/scanpost", "INSTANCE")


def test_a_secret_that_cannot_be_written_is_named(instance: Path) -> None:
    (instance / "secret_key").mkdir()

    code, output = _start(instance)

    _sees_one_line(code, output, "secret_key")
