"""What the soak has of its own, so that disturbing it disturbs nobody else: Redis without persistence, PostgreSQL, a
small disk, a clock."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import redis

from tests.servers.ports import free_port

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Redis:
    """A Redis that keeps nothing on disk: a restart forgets the queue."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        _wait(lambda: redis.Redis(port=self.port).ping())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def flush(self) -> None:
        redis.Redis(port=self.port).flushall()


class PostgreSQL:
    """A PostgreSQL cluster in a folder that goes with it. The server refuses to run as root, so it runs as postgres."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="scanpost-soak-pg-"))
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")

    def start(self) -> None:
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync")
        self._control("start")

    def stop(self) -> None:
        self._control("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self) -> None:
        self._control("restart")

    def _control(self, action: str) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        log = str(self.folder / "log")
        # "immediate" is a crash: connections are cut, and the server recovers from its log.
        stop = [] if action == "start" else ["-m", "immediate"]
        self._run("pg_ctl", action, "-w", "-D", str(self.folder / "data"), "-l", log, "-o", options, *stop)
        if action != "stop":
            _wait(lambda: psycopg.connect(self.url).close())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_BINARIES[-1] / program), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)


class Disk:
    """A file system of its own, in memory, that can be full."""

    SIZE = 1_500_000_000

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def full(self) -> Iterator[None]:
        """Take all that is free while the block runs."""
        filler = self._folder / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self._folder).free)
                with suppress(OSError):
                    while True:
                        os.write(file.fileno(), bytes(4096))
            yield
        finally:
            filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """Mount a disk of its own at ``folder``; None where this user may not."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={Disk.SIZE},mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Clock:
    """The wall clock of the processes that are started with ``settings``; it can be wrong."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self._set(0)
        self.settings = {"LD_PRELOAD": str(library), "WRONG_CLOCK": str(file)}

    @contextmanager
    def wrong_by(self, seconds: int) -> Iterator[None]:
        try:
            self._set(seconds)
            yield
        finally:
            self._set(0)

    def _set(self, seconds: int) -> None:
        # Written in place: the processes have this file mapped.
        with self._file.open("r+b" if self._file.exists() else "xb") as file:
            file.write(struct.pack("l", seconds))


def own_clock(folder: Path) -> Clock | None:
    """Return a clock that can be wrong, kept in ``folder``; None where there is no C compiler to build it with."""
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    if not shutil.which("cc"):
        return None
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return Clock(library, folder / "clock")


def _wait(attempt: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            attempt()
            return
        except (OSError, redis.RedisError, psycopg.Error):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def services(kind: str) -> Iterator[tuple[dict[str, str], Redis | None, PostgreSQL | None]]:
    """Give the settings for "sqlite", "postgresql" or "postgresql+redis", and the servers behind them."""
    memory = Redis() if "redis" in kind else None
    database = PostgreSQL() if "postgresql" in kind else None
    settings = {}
    try:
        if database:
            database.start()
            settings = {"DATABASE_URL": database.url, "QUEUE_URL": database.url}
        if memory:
            memory.start()
            settings["QUEUE_URL"] = memory.url
        yield settings, memory, database
    finally:
        if memory:
            memory.stop()
        if database:
            database.stop()
