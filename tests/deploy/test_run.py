"""A start that cannot work says why in one line, leaves everything as it was, and exits with an error."""

from __future__ import annotations

import functools
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
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


def _start(
    instance: Path, *, before: tuple[str, ...] = (), preexec_fn: Callable[[], None] | None = None, **settings: str
) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "INSTANCE": str(instance), "PORT": str(free_port()), **settings}
    result = subprocess.run(
        [*before, sys.executable, "-m", "deploy.run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=preexec_fn,
    )
    return result.returncode, result.stderr + result.stdout


def _migrated(instance: Path) -> Path:
    """Return a database as a start leaves it, all of it in one file."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    environment = {"PATH": os.environ["PATH"], "INSTANCE": str(instance)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    with closing(sqlite3.connect(instance / "scanpost.sqlite")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return instance / "scanpost.sqlite"


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


def test_a_database_with_one_bad_page_is_named_and_left_as_it_is(instance: Path) -> None:
    database = _migrated(instance)
    content = bytearray(database.read_bytes())
    content[2 * 4096 : 3 * 4096] = b"\xff" * 4096
    database.write_bytes(content)

    code, output = _start(instance)

    _sees_one_line(code, output, "scanpost.sqlite", "DATABASE_URL")
    assert database.read_bytes() == content


def test_a_database_of_a_newer_version_is_named_and_left_as_it_is(instance: Path) -> None:
    database = _migrated(instance)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        connection.commit()
    content = database.read_bytes()

    code, output = _start(instance)

    _sees_one_line(code, output, "newer", "9999")
    assert database.read_bytes() == content


@pytest.mark.parametrize("setting", ["DATABASE_URL", "QUEUE_URL"])
def test_a_database_in_a_folder_that_is_not_there_is_named(instance: Path, setting: str) -> None:
    code, output = _start(instance, **{setting: "sqlite:////nowhere/x.sqlite"})

    _sees_one_line(code, output, "/nowhere", setting)


def test_a_process_that_may_not_write_says_so_and_leaves_nothing(instance: Path) -> None:
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (0, 0))

    code, output = _start(instance, preexec_fn=limit)

    _sees_one_line(code, output, "secret_key")
    assert list(instance.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
def test_a_machine_that_cannot_even_reach_itself_is_named(instance: Path) -> None:
    code, output = _start(instance, before=("unshare", "--net"))

    _sees_one_line(code, output, "cannot be reached")


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
