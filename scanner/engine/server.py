"""The engine server: ScanCode loaded once, and one forked child for each request.

    python -m scanner.engine.server SOCKET PARENT

It ends with the process PARENT, and on SIGTERM. A child takes one request, sandboxes itself, answers on its
connection and ends; the server never reads a byte that a child or a scanned file could have chosen.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scanner import sandbox
from scanner.engine import arenas
from scanner.engine.wire import socket_name

log = logging.getLogger("scanner.engine")

#: After how long without a request there is time for chores, seconds.
QUIET = 1.0
_OVER = object()

#: Called in the child with its connection, its folder and the server's process id; must not return.
Answer = Callable[[socket.socket, Path, int], None]


@dataclass
class _Request:
    """A connection, and the child that answers on it once it was asked something."""

    connection: socket.socket
    pid: int | None = None
    pidfd: int | None = None
    folder: Path | None = None
    abandoned: bool = False  #: the client is gone, and the child was killed for it


class Server:
    """Accepts connections and forks children, in one thread without a lock: forking allows no other."""

    def __init__(
        self, path: Path, home: Path, greeting: dict[str, Any], answer: Answer, chores: Iterator[object]
    ) -> None:
        """Take what to say on every connection, and what a child does with its own; see ``scanner.engine.child``.

        ``chores`` are small steps of what can be done while nobody asks for anything and there is no child.
        """
        self.path = path
        self.home = home
        self._answer = answer
        self._chores = chores
        self._greeting = json.dumps(greeting).encode() + b"\n"
        self._poll = select.epoll()
        self._requests: dict[int, _Request] = {}  # by the connection's number
        self._children: dict[int, _Request] = {}  # by the number of the child's pidfd
        self._folders: list[Path] = []  # empty ones, of children that have ended
        self._stop, self._stopped = socket.socketpair()

    def serve(self) -> None:
        """Serve until SIGTERM or SIGINT; then kill the children and leave."""
        self._stop.setblocking(False)
        signal.set_wakeup_fd(self._stop.fileno())
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: None)
        listener = _listen(self.path)
        self._poll.register(self._stopped, select.EPOLLIN)
        self._poll.register(listener, select.EPOLLIN)
        try:
            while True:
                for number, event in self._wait():
                    if number == self._stopped.fileno():
                        return
                    if number == listener.fileno():
                        self._accept(listener)
                    elif number in self._children:
                        self._reap(number)
                    elif number in self._requests:
                        self._hear(number, event)
        finally:
            listener.close()
            self.path.unlink(missing_ok=True)
            for pidfd in list(self._children):
                self._kill(self._children[pidfd])
                self._reap(pidfd)

    def _wait(self) -> list[tuple[int, int]]:
        """Return what happens next, and do chores until then.

        One event at a time, because the number of a file that is closed may be given to the next at once.
        """
        pause = QUIET
        while not self._children:
            if events := self._poll.poll(pause, maxevents=1):
                return events
            if next(self._chores, _OVER) is _OVER:
                break
            pause = 0
        return self._poll.poll(maxevents=1)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(True)
        try:
            connection.send(self._greeting, socket.MSG_DONTWAIT)
        except OSError:
            connection.close()
            return
        self._requests[connection.fileno()] = _Request(connection)
        self._poll.register(connection, select.EPOLLIN | select.EPOLLRDHUP)

    def _hear(self, number: int, event: int) -> None:
        """Fork for a request that arrives; give up a connection whose client is gone, and its child."""
        request = self._requests[number]
        if event & (select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR):
            if request.pid is None:
                self._forget(request)
            else:
                self._poll.unregister(number)
                self._kill(request)
        elif request.pid is None:
            self._fork(request)

    def _fork(self, request: _Request) -> None:
        server = os.getpid()
        try:
            request.folder = self._empty_folder()
            request.pid = os.fork()
        except OSError as error:
            log.error("cannot fork: %s", error)
            _tell(request.connection, {"died": f"no process can be started: {error.strerror}."})
            if request.folder is not None:
                self._folders.append(request.folder)
            self._forget(request)
            return
        if request.pid == 0:
            try:
                self._answer(request.connection, request.folder, server)
            finally:
                os._exit(1)
        request.pidfd = os.pidfd_open(request.pid)
        self._children[request.pidfd] = request
        # The child reads the request; from here on only the client's going matters.
        self._poll.modify(request.connection, select.EPOLLRDHUP)
        self._poll.register(request.pidfd, select.EPOLLIN)

    def _kill(self, request: _Request) -> None:
        assert request.pidfd is not None
        request.abandoned = True
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(request.pidfd, signal.SIGKILL)

    def _reap(self, pidfd: int) -> None:
        request = self._children.pop(pidfd)
        assert request.pid is not None
        assert request.folder is not None
        _, status, used = os.wait4(request.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        # Closing alone is not enough, as for a connection, and the number soon stands for another child.
        self._poll.unregister(pidfd)
        os.close(pidfd)
        if code != 0 and not request.abandoned:
            log.warning("child %d: %s", request.pid, _reason(code))
            # What a child has resident begins with what it was forked with (getrusage(2): the maximum, in kB).
            memory = max(0, used.ru_maxrss * 1024 - _resident_bytes())
            _tell(request.connection, {"died": _reason(code), "killed": code == -signal.SIGKILL, "memory": memory})
        self._empty(request.folder)
        self._forget(request)

    def _empty_folder(self) -> Path:
        while self._folders:
            # Somebody may have cleared it away meanwhile.
            if (folder := self._folders.pop()).is_dir():
                return folder
        return Path(tempfile.mkdtemp(prefix="child-", dir=self.home))

    def _empty(self, folder: Path) -> None:
        """Keep the folder of a child that has ended for the next one, unless something is left in it."""
        with suppress(FileNotFoundError):
            if any(folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                self._folders.append(folder)

    def _forget(self, request: _Request) -> None:
        number = request.connection.fileno()
        del self._requests[number]
        with suppress(FileNotFoundError):
            # Closing alone is not enough while a child that was just forked still has a copy of it.
            self._poll.unregister(number)
        request.connection.close()


def main(arguments: list[str]) -> int:
    """Run the server until it is told to stop."""
    path, parent = Path(arguments[0]), int(arguments[1])
    sandbox.close_all_but((0, 1, 2))
    sandbox.prepare()
    sandbox.die_with_parent(parent)
    sandbox.lower_priority(sandbox.SCANS_NICENESS)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    with _alone(path), _home(path) as home:
        reserved = arenas.reserve()
        # Only now, because ScanCode makes folders in HOME and TMPDIR when it is imported.
        from scanner.engine import child, huge_pages, warm

        ready = warm.warm_up()
        reserved.clear()
        log.info("ready: %s; sandbox: %s", ready.version, sandbox.capabilities().as_dict())
        for sentence in sandbox.capabilities().missing():
            log.warning("%s", sentence)
        greeting = {
            "version": asdict(ready.version),
            "manifests": ready.manifests,
            "scanners": [scanner.name for scanner in ready.scanners],
        }
        Server(path, home, greeting, partial(child.run, ready), huge_pages.collapse()).serve()
    return 0


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for a predecessor at the same socket to end."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _home(path: Path) -> Iterator[Path]:
    """Make a folder for all temporary files, without what a killed predecessor left there, and remove it afterwards."""
    home = path.with_name(f"{path.name}.home")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = str(home)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _listen(path: Path) -> socket.socket:
    """Listen at the path, in place of whatever socket was left there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with socket_name(fresh) as name:
        listener.bind(name)
    fresh.chmod(0o600)
    listener.listen(128)
    listener.setblocking(False)
    fresh.rename(path)
    return listener


def _resident_bytes() -> int:
    """Return how much memory this process has resident (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _tell(connection: socket.socket, message: dict[str, str | bool | int]) -> None:
    """Send a client a line of the server's own, if there is room for it."""
    try:
        # After a line break, for a child may have ended in the middle of a line.
        connection.send(b"\n" + json.dumps(message).encode() + b"\n", socket.MSG_DONTWAIT)
    except OSError:
        pass


def _reason(code: int) -> str:
    """Say how a child ended."""
    if code == -signal.SIGKILL:
        return "the scanner was killed, perhaps for want of memory."
    if code < 0:
        return f"the scanner crashed ({signal.Signals(-code).name})."
    return f"the scanner ended by itself (exit code {code})."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
