"""The process that unpacks: listened to, locked in, ended in time, and never left behind."""

from __future__ import annotations

import bz2
import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from scanner import sandbox
from scanner.archives import opening, process, unpack
from scanner.errors import ArchiveBroken, ArchiveRefused, Cancelled, LimitExceeded
from scanner.limits import Limits
from tests.scanner.archives.conftest import Place


@cache
def _long() -> bytes:
    """Return an archive that takes a second or two to unpack, within all limits."""
    return bz2.compress(os.urandom(1_000_000)) * 15


@dataclass
class Seen:
    """What was seen of a child while it worked."""

    place: Place
    told: list[tuple[int, int | None]] = field(default_factory=list)
    status: str = ""
    environment: bytes = b""
    files: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Unpack once, beside an open file and below an environment that hold secrets, and look at the child meanwhile."""
    top = tmp_path_factory.mktemp("seen")
    seen = Seen(Place(top, top / "workspace", top / "fetched"))
    seen.place.archive.write_bytes(_long())
    (top / "secret").write_text("secret")

    def look(done: int, whole: int | None) -> None:
        seen.told.append((done, whole))
        for child in _children() if done else ():
            seen.status = Path(f"/proc/{child}/status").read_text()
            seen.environment = Path(f"/proc/{child}/environ").read_bytes()
            for link in Path(f"/proc/{child}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    seen.files.add(os.readlink(link))

    with pytest.MonkeyPatch.context() as patch, (top / "secret").open():
        patch.setenv("DATABASE_URL", "postgresql://user:secret@db/scanpost")
        unpack(seen.place.archive, "x.bz2", seen.place.workspace, progress=look)
    return seen


def test_it_tells_how_far_it_is(seen: Seen) -> None:
    assert seen.told == sorted(seen.told, key=lambda pair: pair[0])
    assert seen.told[-1][0] >= 1_000_000


def test_it_is_locked_in(seen: Seen) -> None:
    assert "NoNewPrivs:\t1" in seen.status
    assert ("Seccomp:\t2" in seen.status) == sandbox.capabilities().seccomp


def test_nothing_of_the_parents_environment_reaches_it(seen: Seen) -> None:
    assert b"LC_ALL" in seen.environment
    assert b"secret" not in seen.environment


def test_none_of_the_parents_open_files_reach_it(seen: Seen) -> None:
    assert str(seen.place.archive) in seen.files
    assert not any("secret" in name for name in seen.files)


def test_it_can_be_cancelled_while_it_works(place: Place) -> None:
    children: set[int] = set()

    def cancel(done: int, whole: int | None) -> None:
        if done:
            children.update(_children())
            raise Cancelled("Enough.")

    place.archive.write_bytes(_long())
    before = place.outside()

    with pytest.raises(Cancelled):
        unpack(place.archive, "x.tar", place.workspace, progress=cancel)

    assert children
    assert not children & set(_children())
    assert list(place.workspace.iterdir()) == []
    assert place.outside() == before


def _children() -> list[int]:
    """Return the processes that unpack for this one; servers of other tests are its children, too."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in pids if b"scanner.archives.child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_it_ends_at_the_deadline_even_if_it_only_sleeps(place: Place) -> None:
    with pytest.raises(LimitExceeded, match=r"longer than 0 seconds \(the limit unpack_seconds\)"):
        _play(place, "import time; time.sleep(1_000)", Limits(unpack_seconds=0))

    assert list(place.workspace.iterdir()) == []


def test_it_ends_when_its_time_on_the_processor_is_over(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.time, "monotonic", lambda: 0.0)

    with pytest.raises(LimitExceeded, match="unpack_seconds"):
        place.unpack(_long() * 4, limits=Limits(unpack_seconds=1))

    assert list(place.workspace.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_the_archives_fault(number: int, place: Place) -> None:
    def crash(done: int, whole: int | None) -> None:
        for child in _children():
            os.kill(child, number)

    place.archive.write_bytes(_long())

    with pytest.raises(ArchiveBroken, match="crashed"):
        unpack(place.archive, "x.tar", place.workspace, progress=crash)

    assert list(place.workspace.iterdir()) == []


def test_it_does_not_outlive_its_parent(place: Place) -> None:
    place.archive.write_bytes(_long())
    program = (
        "import sys; from pathlib import Path; from scanner.archives import unpack\n"
        "unpack(Path(sys.argv[1]), 'x.tar', Path(sys.argv[2]), progress=lambda *_: print('working', flush=True))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, place.archive, place.workspace], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "working\n"
    child = int(Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text())

    parent.kill()
    parent.communicate()

    assert _gone(child)


def _gone(pid: int) -> bool:
    for _ in range(500):
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if status.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_it_can_neither_write_elsewhere_nor_read_the_visitors_of_others(place: Place) -> None:
    if not sandbox.capabilities().landlock:
        pytest.skip("this kernel has no Landlock")
    victim = place.top / "victim"
    stands_in = place.top / "stands_in.py"
    stands_in.write_text(
        "import sys\nfrom scanner.archives import child, opening\n"
        "from scanner.errors import ArchiveRefused\n"
        "def attack(*_):\n"
        "    for mode in ('r', 'w'):\n"
        "        try:\n"
        f"            open({str(victim)!r}, mode)\n"
        "        except PermissionError:\n"
        "            continue\n"
        "        raise ArchiveRefused('It was let out.')\n"
        "    raise ArchiveRefused('It was kept in.')\n"
        "opening.open_all = attack\nchild.main()\n"
    )

    with pytest.raises(ArchiveRefused, match="kept in"):
        _instead(place, stands_in)

    assert victim.read_text() == "untouched"


def _instead(place: Place, script: Path, limits: Limits | None = None) -> None:
    """Unpack with another program as the child, which finds this project's modules as the real one does."""
    real = subprocess.Popen
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            process.subprocess,
            "Popen",
            lambda command, **options: real(
                [sys.executable, script], **{**options, "env": {**options["env"], "PYTHONPATH": str(options["cwd"])}}
            ),
        )
        place.unpack(b"", limits=limits)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"not JSON\n",
        b"[]\n",
        b'{"done": 5}\n',
        b'{"error": {"kind": "SystemExit", "sentence": "x", "advice": "y"}}\n',
        b'{"error": {"kind": "annotations", "sentence": "x", "advice": "y"}}\n',
        b'{"bytes": "many"}\n',
    ],
    ids=lambda said: said[:20],
)
def test_a_child_that_was_taken_over_cannot_confuse_its_parent(said: bytes, place: Place) -> None:
    (place.top / "said").write_bytes(said)

    with pytest.raises(ArchiveBroken):
        _play(place, f"sys.stdout.buffer.write(open({str(place.top / 'said')!r}, 'rb').read())")

    assert list(place.workspace.iterdir()) == []


def test_a_child_that_talks_without_end_is_not_listened_to(place: Place) -> None:
    with pytest.raises(ArchiveBroken):
        _play(place, "while True: os.write(1, b'x' * 65536)", Limits(unpack_seconds=30))


@pytest.mark.parametrize(
    "deed",
    [
        "os.symlink('/etc/passwd', folder + '/a')",
        "os.mkfifo(folder + '/a')",
        "open(folder + '/a', 'w'); os.link(folder + '/a', folder + '/b')",
    ],
)
def test_a_child_that_was_taken_over_cannot_leave_anything_but_files(deed: str, place: Place) -> None:
    done = """print('{"done": {"archive": true, "notes": []}}', flush=True)"""

    with pytest.raises(ArchiveRefused, match="not a file"):
        _play(place, f"folder = request['folder']; {deed}; {done}")

    assert list(place.workspace.iterdir()) == []


def _play(place: Place, program: str, limits: Limits | None = None) -> None:
    """Unpack with a program as the child that was taken over: it does this instead."""
    script = place.top / "child.py"
    script.write_text(f"import json, os, sys\nrequest = json.loads(sys.stdin.readline())\n{program}\n")
    _instead(place, script, limits)


def test_a_full_disk_is_not_the_archives_fault(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner.archives import child
    from scanner.archives.messages import Request

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(opening, "open_all", full)
    place.archive.write_bytes(b"")
    request = Request(str(place.archive), "x", str(place.workspace), {}, os.getpid())

    with place.archive.open("rb") as file:
        message = child._outcome(file, request, Limits())

    assert message["error"]["kind"] == "DiskFull"
    assert "disk" in message["error"]["sentence"]


def test_a_workspace_is_made_where_it_is_missing(place: Place) -> None:
    sub = Place(place.top, place.workspace / "new" / "one", place.archive)

    sub.unpack(b"x", "x")

    assert sub.contents() == {"x": b"x"}
