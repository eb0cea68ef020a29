"""What a child in the sandbox can and cannot do, tried in a real child on this kernel."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner import sandbox

HAVE = sandbox.capabilities()
needs_landlock = pytest.mark.skipif(not HAVE.landlock, reason="this kernel has no Landlock")
needs_seccomp = pytest.mark.skipif(not HAVE.seccomp, reason="this kernel has no seccomp")


def tried(attempt: Callable[[], Any], **entered: Any) -> str:
    """Enter the sandbox in a child, try something there, and return what came of it: its result or its error."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sandbox.enter(**entered)
            said = str(attempt())
        except BaseException as error:
            said = type(error).__name__
        os.write(writable, said.encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as answer:
        said = answer.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said if status == 0 else signal.Signals(-status).name


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("secret")
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own"
    path.mkdir()
    return path


def test_it_reads_what_it_was_given(secret: Path) -> None:
    assert tried(secret.read_text, readable=[secret]) == "secret"
    assert tried(lambda: os.listdir(secret.parent), readable=[secret.parent]) == "['secret']"


@needs_landlock
def test_it_cannot_read_what_it_was_not_given(secret: Path, own: Path) -> None:
    assert tried(secret.read_text, writable=[own]) == "PermissionError"
    assert tried(Path("/etc/shadow").read_text) == "PermissionError"
    assert tried(lambda: os.listdir("/")) == "PermissionError"
    assert tried(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()) == "PermissionError"


@needs_landlock
def test_it_cannot_leave_what_it_was_given_through_a_link(secret: Path, own: Path) -> None:
    (own / "link").symlink_to(secret)

    assert tried((own / "link").read_text, readable=[own]) == "PermissionError"
    assert tried(lambda: os.link(secret, own / "hard"), writable=[own]) in ("PermissionError", "OSError")
    assert tried(lambda: (own / "made").symlink_to(secret), writable=[own]) == "PermissionError"


def test_it_makes_links_where_that_was_asked_for(own: Path) -> None:
    assert tried(lambda: (own / "made").symlink_to("anywhere"), writable=[own], symlinks=True) == "None"


def test_it_writes_its_own_folder(own: Path) -> None:
    def write() -> str:
        (own / "folder").mkdir()
        (own / "folder" / "file").write_text("text")
        (own / "folder" / "file").rename(own / "file")
        (own / "folder").rmdir()
        return (own / "file").read_text()

    assert tried(write, writable=[own]) == "text"


@needs_landlock
def test_it_writes_nothing_else(secret: Path, own: Path) -> None:
    given = {"readable": [secret.parent], "writable": [own]}

    assert tried(lambda: secret.write_text("changed"), **given) == "PermissionError"
    assert tried(secret.unlink, **given) == "PermissionError"
    assert tried(lambda: os.truncate(secret, 0), **given) == "PermissionError"
    assert tried(lambda: secret.rename(own / "secret"), **given) in ("PermissionError", "OSError")
    assert tried(lambda: Path("/tmp/elsewhere").write_text(""), **given) == "PermissionError"
    assert secret.read_text() == "secret"


@needs_seccomp
def test_it_changes_no_modes_and_times_unless_it_may(own: Path) -> None:
    file = own / "file"
    file.write_text("")
    attempts = [lambda: file.chmod(0o777), lambda: os.utime(file, (1, 1)), lambda: os.setxattr(file, "user.a", b"")]

    assert [tried(attempt, writable=[own], metadata=False) for attempt in attempts] == ["PermissionError"] * 3
    assert tried(attempts[0], writable=[own]) == "None"
    assert tried(attempts[1], writable=[own]) == "None"


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listener that nobody may reach."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


def test_it_reaches_no_network(canary: socket.socket) -> None:
    address = canary.getsockname()

    def datagram() -> int:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address)

    assert tried(lambda: socket.create_connection(address, 1)) in ("PermissionError", "OSError")
    assert tried(datagram) in ("PermissionError", "OSError")
    assert tried(lambda: socket.create_server(("127.0.0.1", 0))) in ("PermissionError", "OSError")
    with pytest.raises(TimeoutError):
        canary.accept()


def test_without_seccomp_the_rest_still_keeps_it_off_the_network(
    canary: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not HAVE.network_namespace and HAVE.landlock < 4:
        pytest.skip("this kernel has neither network namespaces nor a Landlock that knows TCP")
    monkeypatch.setattr(
        sandbox, "capabilities", lambda: sandbox.Capabilities(HAVE.landlock, HAVE.network_namespace, False)
    )

    assert tried(lambda: socket.create_connection(canary.getsockname(), 1)) in ("PermissionError", "OSError")


@pytest.mark.parametrize("abi", [0, 1, 3, 5])
def test_it_makes_do_with_an_older_kernel(abi: int, own: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "capabilities", lambda: sandbox.Capabilities(min(abi, HAVE.landlock), False, False))

    assert tried(lambda: (own / "file").write_text("text"), writable=[own]) == "4"
    assert tried(secret.read_text) == ("PermissionError" if min(abi, HAVE.landlock) else "secret")


def test_it_signals_nobody_but_itself() -> None:
    if not HAVE.seccomp and HAVE.landlock < 6:
        pytest.skip("neither seccomp nor a Landlock that knows signals")
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        assert tried(lambda: os.kill(other.pid, signal.SIGTERM)) == "PermissionError"
        assert tried(lambda: os.kill(os.getppid(), 0)) == "PermissionError"
        assert tried(lambda: os.kill(os.getpid(), signal.SIGTERM)) == "SIGTERM"
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@needs_landlock
@pytest.mark.skipif(HAVE.landlock < 6, reason="this Landlock does not know signals")
def test_without_seccomp_it_signals_nobody_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "capabilities", lambda: sandbox.Capabilities(HAVE.landlock, False, False))

    assert tried(lambda: os.kill(os.getppid(), 0)) == "PermissionError"


@needs_seccomp
def test_it_starts_no_process() -> None:
    assert tried(os.fork) == "PermissionError"
    assert tried(lambda: os.execv("/bin/true", ["true"])) == "PermissionError"
    assert tried(lambda: subprocess.run(["true"])) == "PermissionError"


def test_it_starts_threads() -> None:
    def run() -> int:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(2) as pool:
            return sum(pool.map(abs, (-1, 2)))

    assert tried(run) == "3"


@needs_landlock
def test_it_starts_the_programs_that_it_was_given(own: Path) -> None:
    true = Path("/usr/bin/true").resolve()

    assert tried(lambda: subprocess.run([true]).returncode, programs=[true]) == "0"
    assert tried(lambda: subprocess.run(["/usr/bin/env"]), programs=[true]) == "PermissionError"


@needs_seccomp
@pytest.mark.parametrize("call", ["ptrace", "unshare", "mount", "keyctl", "bpf"])
def test_it_makes_no_call_that_parsers_do_not_need(call: str) -> None:
    from scanner.seccomp import _REFUSED

    column = 1 if os.uname().machine == "aarch64" else 0
    number = _REFUSED[call][column]

    def attempt() -> int:
        libc = ctypes.CDLL(None, use_errno=True)
        return ctypes.get_errno() if libc.syscall(number, 0, 0, 0, 0, 0) < 0 else 0

    assert tried(attempt) == "1"


def test_it_has_no_capabilities_that_change_anything() -> None:
    def kept() -> str:
        status = Path("/proc/self/status").read_text().splitlines()
        return " ".join(
            line.split()[1].lstrip("0") for line in status if line.startswith(("CapPrm", "CapEff", "CapBnd"))
        )

    # Root keeps only the right to read other users' files, number 2.
    assert tried(kept).strip() in ("", "4 4")


def test_memory_ends_in_an_error_that_python_sees() -> None:
    assert tried(lambda: len(bytearray(300_000_000)), memory=100_000_000) == "MemoryError"
    assert tried(lambda: len(bytearray(50_000_000)), memory=100_000_000) == "50000000"


def test_a_file_grows_no_further_than_its_limit(own: Path) -> None:
    assert tried(lambda: (own / "file").write_bytes(b"x" * 2000), writable=[own], file_bytes=1000) == "OSError"
    assert (own / "file").stat().st_size <= 1000


def test_processor_time_is_bounded() -> None:
    def spin() -> None:
        while True:
            pass

    assert tried(spin, cpu_seconds=1) in ("SIGXCPU", "SIGKILL")


def test_it_dies_with_its_parent() -> None:
    """A grandchild that would sleep for a minute ends when its parent does."""
    readable, writable = os.pipe()
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            sandbox.enter()
            os.write(writable, b"in")
            time.sleep(60)
            os._exit(0)
        os.read(readable, 2)
        os._exit(0)
    os.waitpid(parent, 0)
    os.close(writable)

    assert os.read(readable, 1) == b""  # The last writer is gone, so this is the end of the pipe.
    os.close(readable)


def test_a_child_whose_parent_is_gone_already_does_not_go_on() -> None:
    assert tried(lambda: "alive", parent=1) == "SIGKILL"


def test_it_leaves_its_callers_session() -> None:
    assert tried(lambda: os.getsid(0) == os.getpid()) == "True"


def test_a_priority_is_lowered_and_never_raised() -> None:
    before = os.nice(0)

    def lowered(niceness: int) -> int:
        sandbox.lower_priority(niceness)
        return os.nice(0)

    assert tried(lambda: lowered(min(before + 3, 19))) == str(min(before + 3, 19))
    assert tried(lambda: lowered(before - 1)) == str(before)


def test_closing_all_but_some_closes_all_others() -> None:
    def left() -> list[str]:
        opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
        keep = [0, 1, 2, opened[1]]
        sandbox.close_all_but(keep)
        return [str(fd) for fd in range(64) if _is_open(fd) and fd not in keep]

    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writable, 1)
        os.write(1, json.dumps(left()).encode())
        os._exit(0)
    os.close(writable)
    os.waitpid(child, 0)

    assert os.read(readable, 1000) == b"[]"
    os.close(readable)


def test_capabilities_are_said_in_words() -> None:
    assert sandbox.Capabilities(7, True, True).missing() == []
    assert len(sandbox.Capabilities(0, False, False).missing()) == 3
    assert sandbox.Capabilities(4, False, False).missing() == [
        "seccomp is missing: scanners can make every system call."
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_is_sandboxed_just_as_well(secret: Path) -> None:
    """Root becomes nobody first; the user namespace of its own is then needed for the network."""
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(sandbox.__file__).parents[1])!r})
from scanner import sandbox
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(sandbox.capabilities() == sandbox.Capabilities{(HAVE.landlock, HAVE.network_namespace, HAVE.seccomp)})
sandbox.enter(memory=10**8)
print(len(open('/proc/self/net/dev').readlines()) - 2)
try:
    open('/etc/passwd')
except PermissionError as error:
    print('refused')
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")

    assert run.stdout.split() == ["True", "1", "refused"], run.stderr


def test_limits_never_rise() -> None:
    def lowered() -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        sandbox._lower(resource.RLIMIT_NOFILE, 256)
        return resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    assert tried(lowered, open_files=100) == "64"


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
