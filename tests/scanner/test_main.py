"""The command without site, queue and database, as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.http import HttpServer, content
from tests.trees import PACKAGE, tar_gz

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """The folder that the command takes for /tmp; must be empty afterwards."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def command(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "scanner", *map(str, arguments)]


def run(temporary: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.run(command(*arguments), cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "hello"


def test_a_folder_is_scanned_in_place_and_left_as_it_is(temporary: Path, package: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in [package, *package.rglob("*")]}

    done = run(temporary, package, "--json", tmp_path / "report.json", "--processes", 2)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("5 files in ")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["headers"][0]["options"]["input"] == ["hello"]
    assert report["packages"][0]["purl"] == "pkg:npm/hello@1.2.3"
    assert str(tmp_path) not in json.dumps(report)
    assert {path: path.stat().st_mtime_ns for path in [package, *package.rglob("*")]} == before


def test_an_archive_from_a_server_and_a_second_time_from_the_cache(temporary: Path, tmp_path: Path) -> None:
    reports = []
    with HttpServer({"/hello-1.2.3.tgz": content(tar_gz(PACKAGE))}) as server:
        for number in range(2):
            target = tmp_path / f"{number}.json"
            done = run(
                temporary,
                server.url("/hello-1.2.3.tgz"),
                *("--json", target, "--allow-network", "127.0.0.0/8", "--cache", tmp_path / "cache.sqlite"),
            )
            assert done.returncode == 0, done.stderr
            reports.append(json.loads(target.read_text()))

    assert [file["path"] for file in reports[0]["files"]][:2] == ["hello", "hello/index.js"]
    assert reports[0]["files"] == _with_uuids_of(reports[0], reports[1]["files"], reports[1])


def _with_uuids_of(wanted: dict[str, Any], files: list[dict[str, Any]], had: dict[str, Any]) -> list[dict[str, Any]]:
    text = json.dumps(files)
    for new, old in zip(wanted["packages"], had["packages"], strict=True):
        text = text.replace(old["package_uid"], new["package_uid"])
    return json.loads(text)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["http://127.0.0.1:8999/x.tgz", "--json", "{}/report.json"], "public Internet"),
        (["{}/missing", "--json", "{}/report.json"], "missing. Check the path."),
        (["ftp://example.org/x", "--json", "{}/report.json"], "ftp: cannot be scanned"),
        (["/", "--json", "{}/report.json"], "whole file system"),
        (["{}", "--json", "{}/no/such/folder/report.json"], "No such file"),
        (["{}", "--json", "{}/report.json", "--limit", "wishes=3"], "no such limit: wishes=3"),
        (["{}/broken.tgz", "--json", "{}/report.json"], "Check that the file opens"),
        (["{}/hello", "--json", "{}/report.json", "--limit", "unpacked_files=1"], "more than 1 file ("),
    ],
)
def test_an_error_is_one_line(
    temporary: Path, package: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "broken.tgz").write_bytes(tar_gz(PACKAGE)[:-20])

    done = run(temporary, *(argument.format(tmp_path) for argument in arguments))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
    assert not (tmp_path / "report.json").exists()


def test_wrong_usage_is_said_and_ends_with_two(temporary: Path) -> None:
    done = run(temporary, "anything")

    assert done.returncode == 2
    assert "--json" in done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_can_be_interrupted(temporary: Path, package: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "report.json").write_text("an older one")
    environment = {**os.environ, "TMPDIR": str(temporary)}
    arguments = command(package, "--json", tmp_path / "report.json")
    # What runs in the background of a shell, as these tests may, is deaf to SIGINT, and so is what it starts.
    signals = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    with subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, **signals
    ) as process:
        while not list(temporary.glob("scanpost-*/engine/engine.sock.lock")):
            time.sleep(0.02)
        process.send_signal(signal.Signals[name])
        _, said = process.communicate()

    assert (process.returncode, said) == (130, "interrupted\n")
    assert (tmp_path / "report.json").read_text() == "an older one"


def test_a_terminal_sees_progress(temporary: Path, package: Path, tmp_path: Path) -> None:
    ours, its = pty.openpty()
    arguments = command(package, "--json", tmp_path / "report.json")
    process = subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, stderr=its)
    os.close(its)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:
        pass  # What Linux answers when the other side of a terminal is gone.
    os.close(ours)

    assert process.wait() == 0
    text = said.decode()
    assert "loading ScanCode …" in text
    assert "5 of 5 files" in text or "0 of 5 files" in text
    assert text.rstrip().rpartition("\x1b[K")[2].startswith("5 files in ")
