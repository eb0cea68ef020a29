"""The engine behind its socket: every file answered once, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scanner.engine.client import Engine, start_server
from scanner.errors import EngineError, LimitExceeded
from scanner.limits import Limits
from scanner.results import FileEntry, FileFindings

LIMITS = Limits(file_seconds=30)
IMPATIENT = Limits(file_seconds=1)


class Hooked:
    """A server whose children do what the file's name says, and a workspace for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        (self.workspace / "root").mkdir(parents=True)
        self.socket = folder / "private" / "engine.sock"
        self.socket.parent.mkdir(mode=0o700)
        self.engine = Engine(self.socket, patience=20)
        self.start()

    def start(self) -> None:
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.scanner.engine.hooked", str(self.socket), str(os.getpid())],
            cwd=Path(__file__).parents[3],
        )

    def files(self, *names: str) -> list[FileEntry]:
        for name in names:
            (self.workspace / "root" / name).write_text(name)
        return [FileEntry(f"root/{name}", len(name), name) for name in names]

    def scan(self, *names: str, limits: Limits = LIMITS) -> dict[str, FileFindings]:
        """Scan files of these names; return findings by name, and see that each came once."""
        found = list(self.engine.scan(self.workspace, self.files(*names), limits=limits))
        assert len(found) == len(names)
        return {findings.path.removeprefix("root/"): findings for findings in found}

    def children(self) -> list[int]:
        text = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def close(self) -> None:
        self.server.kill()
        self.server.wait()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooked]:
    """For tests that do the server no harm."""
    hooked = Hooked(tmp_path_factory.mktemp("hooked"))
    yield hooked
    hooked.close()


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Hooked]:
    hooked = Hooked(tmp_path)
    yield hooked
    hooked.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come true."""
    for _ in range(1000):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


def given_up(reason: str) -> tuple[str]:
    """Return the one error of a file with which the scanner of licences, and it alone, cannot cope."""
    return (f"ERROR: for scanner: licenses:\nERROR: Processing interrupted: {reason}",)


def test_every_file_is_answered_once(shared: Hooked) -> None:
    found = shared.scan("a", "b", "c")

    assert {name: findings.results["text"] for name, findings in found.items()} == {"a": "a", "b": "b", "c": "c"}
    assert len({findings.results["pid"] for findings in found.values()}) == 1


def test_no_files_need_no_child(shared: Hooked) -> None:
    assert shared.scan() == {}


def test_a_child_sees_only_its_workspace(shared: Hooked) -> None:
    refused = shared.scan("curious")["curious"].results["refused"]

    assert refused == ["secret", "socket", "write", "signal", "server", "fork"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crashes", "the scanner crashed (SIGSEGV)."),
        ("killed", "the scanner was killed, perhaps for want of memory."),
        ("exits", "the scanner ended by itself (exit code 3)."),
    ],
)
def test_a_file_that_kills_its_child_costs_itself_only(shared: Hooked, name: str, reason: str) -> None:
    found = shared.scan("a", name, "b")

    assert found[name].errors == given_up(reason)
    assert found["a"].results["text"] == "a"
    assert found["b"].results["text"] == "b"


def test_a_child_killed_from_outside_costs_nothing(shared: Hooked) -> None:
    found = shared.scan("a", "killedonce", "b")

    assert all(not findings.errors for findings in found.values())
    assert found["killedonce"].results["text"] == "killedonce"


def test_a_crash_is_told_although_the_second_child_was_killed_from_outside(shared: Hooked) -> None:
    found = shared.scan("a", "crashesfirst", "b")

    assert found["crashesfirst"].errors == (
        "ERROR: Processing interrupted: the scanner crashed (SIGSEGV).",
        *given_up("the scanner was killed, perhaps for want of memory."),
    )


def test_of_a_file_that_kills_its_child_what_other_scanners_find_is_kept(shared: Hooked) -> None:
    found = shared.scan("a", "crashes")["crashes"]

    assert found.results == {"info": len("crashes")}
    assert found.seconds == 0.5
    assert not found.complete


def test_a_scanner_that_copes_alone_with_a_file_is_not_blamed(shared: Hooked) -> None:
    found = shared.scan("a", "alone")["alone"]

    assert found.results.keys() == {"info", "pid", "text"}
    assert found.errors == ("ERROR: Processing interrupted: the scanner crashed (SIGSEGV).",)
    assert not found.complete


def test_a_crash_near_the_limit_on_memory_says_so(shared: Hooked) -> None:
    near = shared.scan("greedy", limits=Limits(file_memory=1_000_000_000))["greedy"].errors
    far = shared.scan("greedy", limits=Limits(file_memory=2_000_000_000))["greedy"].errors

    memory = "near its limit on memory, 1 GB (the limit file_memory)."
    assert near == given_up(f"the scanner crashed (SIGSEGV) {memory}")
    assert far == given_up("the scanner crashed (SIGSEGV).")


@pytest.mark.parametrize("name", ["hangs", "stops", "babbles"])
def test_a_file_that_hangs_costs_itself_only(shared: Hooked, name: str) -> None:
    found = shared.scan("a", name, "b", limits=IMPATIENT)

    assert found[name].errors == given_up("timeout after 1 seconds.")
    assert found[name].results == {"info": len(name)}
    assert found["b"].results["text"] == "b"
    until(lambda: not shared.children())


def test_many_bad_files_cost_themselves_only(shared: Hooked) -> None:
    found = shared.scan("crashes-1", "a", "crashes-2", "exits-3", "b", "hangs-4", "killed-5", "c", limits=IMPATIENT)

    assert [name for name, findings in found.items() if not findings.errors] == ["a", "b", "c"]


def test_after_a_file_that_needs_much_memory_another_child_goes_on(shared: Hooked) -> None:
    found = shared.scan("a", "large", "b", limits=Limits(file_memory=1_000_000_000))

    assert found["large"].results == {"size": 700_000_000}
    assert not found["large"].complete
    assert found["a"].results["pid"] != found["b"].results["pid"]


def test_a_scanner_without_memory_names_the_limit_in_place_of_a_traceback(shared: Hooked) -> None:
    found = shared.scan("starves", limits=Limits(file_memory=1_000_000_000))["starves"]

    assert found.errors == (
        "ERROR: for scanner: licenses:\nERROR: This file needs more memory than 1 GB (the limit file_memory).",
        "ERROR: for scanner: urls:\n    except MemoryError:",
    )


def test_memory_beyond_the_limit_costs_that_file_only(shared: Hooked) -> None:
    found = shared.scan("a", "large", "b", limits=Limits(file_memory=500_000_000))

    assert "more memory than 500 MB (the limit file_memory)" in found["large"].errors[0]
    assert not found["a"].errors + found["b"].errors


@pytest.mark.parametrize("name", ["lies", "restarts", "ends"])
def test_a_child_that_makes_no_sense_costs_that_file_only(shared: Hooked, name: str) -> None:
    """Above all it cannot answer for another file, or win time by starting again."""
    found = shared.scan("a", name, "b")

    assert found[name].errors == given_up("the scanner answered something that makes no sense.")
    assert not found["a"].errors + found["b"].errors


def test_a_child_that_hangs_up_costs_that_file_only(shared: Hooked) -> None:
    found = shared.scan("a", "hangsup", "b")

    assert found["hangsup"].errors == given_up("the scanner went away.")
    assert not found["a"].errors + found["b"].errors


def test_an_error_of_the_engine_names_no_folder_of_this_machine(shared: Hooked) -> None:
    errors = shared.scan("raises")["raises"].errors

    assert all("RuntimeError: at root/raises" in error for error in errors)
    assert not any(str(shared.folder) in error or sys.prefix in error for error in errors)


def test_two_scans_at_once_do_not_disturb_each_other(shared: Hooked) -> None:
    found: dict[str, FileFindings] = {}
    other = threading.Thread(target=lambda: found.update(shared.scan("slow-1", "slow-2")))
    other.start()
    mine = shared.scan("crashes", "hangs", "slow-3", limits=IMPATIENT)
    other.join()

    assert all(not findings.errors for findings in found.values())
    assert not mine["slow-3"].errors


def test_a_caller_who_leaves_takes_the_child_along(shared: Hooked) -> None:
    scan = shared.engine.scan(shared.workspace, shared.files("a", "hangs"), limits=LIMITS)
    next(scan)
    assert shared.children()

    scan.close()

    until(lambda: not shared.children())


def test_a_caller_can_stop_while_a_file_hangs(shared: Hooked) -> None:
    class Stop(Exception):
        pass

    def beat() -> None:
        raise Stop

    with pytest.raises(Stop):
        list(shared.engine.scan(shared.workspace, shared.files("hangs"), limits=LIMITS, beat=beat))

    until(lambda: not shared.children())


def test_children_leave_nothing_behind(shared: Hooked) -> None:
    shared.scan("a", "crashes")

    until(lambda: not shared.children())
    # Empty folders wait for the next ones.
    until(lambda: not list(shared.socket.with_name("engine.sock.home").glob("*/*")))


def test_a_server_that_is_killed_and_started_again_loses_nothing(hooked: Hooked) -> None:
    scan = hooked.engine.scan(hooked.workspace, hooked.files("a", "slow-1", "slow-2", "b"), limits=LIMITS)
    found = [next(scan)]
    children = hooked.children()
    hooked.close()
    hooked.start()
    found += scan

    assert sorted(findings.path for findings in found) == ["root/a", "root/b", "root/slow-1", "root/slow-2"]
    assert all(not findings.errors for findings in found)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def test_a_server_that_is_asked_to_stop_takes_its_children_along(hooked: Hooked) -> None:
    scan = hooked.engine.scan(hooked.workspace, hooked.files("a", "hangs"), limits=LIMITS)
    next(scan)
    children = hooked.children()

    hooked.server.terminate()

    assert hooked.server.wait() == 0
    assert children
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert [path.name for path in hooked.socket.parent.iterdir()] == ["engine.sock.lock"]


def test_a_second_server_waits_for_the_first(hooked: Hooked) -> None:
    hooked.engine.version()
    first = hooked.server
    hooked.start()
    second = hooked.server
    assert hooked.scan("a")["a"].results["text"] == "a"

    first.terminate()
    first.wait()

    assert hooked.scan("b")["b"].results["text"] == "b"
    assert second.poll() is None


def test_a_server_that_does_not_answer_is_given_up(hooked: Hooked) -> None:
    hooked.engine.version()
    os.kill(hooked.server.pid, signal.SIGSTOP)

    with pytest.raises(EngineError, match="does not answer"):
        Engine(hooked.socket, patience=0.5).version()

    os.kill(hooked.server.pid, signal.SIGCONT)
    assert hooked.scan("a")["a"].results["text"] == "a"


def test_without_a_server_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not answer"):
        Engine(tmp_path / "none.sock", patience=0.2).version()


def test_a_socket_may_have_a_long_path(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    hooked = Hooked(folder)
    try:
        assert hooked.scan("a")["a"].results["text"] == "a"
    finally:
        hooked.close()


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    with pytest.raises(EngineError, match="0700"):
        start_server(tmp_path / "open" / "engine.sock")


def test_the_server_inherits_no_secret_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/")
    socket = tmp_path / "private" / "engine.sock"
    (tmp_path / "open").write_text("")
    with (tmp_path / "open").open() as opened:
        os.set_inheritable(opened.fileno(), True)
        server = start_server(socket)
        try:
            until(lambda: socket.with_name("engine.sock.lock").exists())
            environment = Path(f"/proc/{server.pid}/environ").read_text()
            files = [str(path.readlink()) for path in Path(f"/proc/{server.pid}/fd").iterdir() if path.is_symlink()]
        finally:
            server.kill()
            server.wait()

    assert "secret" not in environment
    assert str(tmp_path / "open") not in files


def test_importing_the_client_imports_no_scancode() -> None:
    program = "import sys, scanner.engine.client, scanner.cache; print([m for m in sys.modules if 'code' in m])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not {"scancode", "licensedcode", "commoncode", "typecode"} & set(eval(run.stdout))


def test_a_report_that_takes_too_long_is_given_up(shared: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitExceeded, match="takes more than 0 seconds"):
        shared.engine.assemble(shared.workspace, "root", [], shared.folder, limits=Limits(report_seconds=0))


def test_fruitless_children_are_not_forked_for_ever(shared: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "_round", lambda *_: iter(()))

    with pytest.raises(EngineError, match="stopped 3 times"):
        shared.scan("a")


def test_a_server_without_room_for_a_child_says_so_and_goes_on(hooked: Hooked) -> None:
    hooked.engine.version()
    home = hooked.socket.with_name("engine.sock.home")
    home.rename(home.with_name("gone"))

    with pytest.raises(EngineError, match="no process can be started: No such file or directory"):
        hooked.scan("a")

    home.with_name("gone").rename(home)
    assert hooked.scan("a")["a"].results["text"] == "a"
