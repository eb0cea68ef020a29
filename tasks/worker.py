"""The worker of one machine: the engine server, and a Huey consumer with process workers. ``python -m tasks.worker``.

The engine runs in a process of its own with an empty environment (see docs/ARCHITECTURE.md), so neither this process
nor the workers that it forks ever import scancode, and no process that parses a stranger's file ever held a password.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from huey.consumer import Consumer, Scheduler

import config
from scanner import sandbox
from scanner.engine.client import Engine, start_server
from scanner.errors import EngineError
from tasks import status, sweep, work, workspaces
from tasks.queue import queue
from webapp import create_app, logs
from webapp.extensions import db

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1

#: The process that forks the workers: known before they are, so that one can tell whether it is an orphan already.
_CONSUMER = os.getpid()

#: How soon a worker or an engine that died is started again, seconds.
HEALTH_CHECK = 1.0


#: Pages come first on a busy machine, but before workers by less than before scanners: a page may wait for what a
#: worker has locked in the database.
NICENESS = 5


class SweepClock(Scheduler):
    """Huey's scheduler, with periodic tasks as often as the sweep wants to run."""

    periodic_task_seconds = sweep.EVERY

    def initialize(self) -> None:
        super().initialize()
        # Huey's start-up hooks are for its workers only.
        _tie_to_parent()


class Worker(Consumer):
    """A Huey consumer that keeps an engine server beside its workers."""

    scheduler_class = SweepClock

    def __init__(self, engine_socket: Path, **options: Any) -> None:
        super().__init__(queue, **options)
        self._engine_socket = engine_socket
        self._engine: subprocess.Popen[bytes] | None = None
        self._engine_version: str | None = None  #: once it has answered
        self._engine_starts = 0
        self._sign = status.SignOfLife(queue.app)  # type: ignore[arg-type]
        queue.told_to_stop = self.stop_flag.is_set

    def start(self) -> None:
        # It takes some seconds, in which fetches and mails can go on; whoever needs it waits for it.
        self._start_engine()
        # Connections must not be shared with the workers that are forked now.
        with queue.app.app_context():  # type: ignore[union-attr]
            db.engine.dispose()
        # What is there by now stays: no collection in a worker need look at it again, or copy the pages it is on.
        gc.freeze()
        super().start()
        # What a stop or a crash has left is found at once, not at the first tick.
        try:
            sweep.sweep()
        except Exception as error:
            log.warning("the queue cannot be reached: %s; the scheduler sweeps once it can", error)

    def check_worker_health(self) -> bool:
        self._look_after_engine()
        self._sign.give(engine=self._engine_version, engine_starts=self._engine_starts)
        return super().check_worker_health()

    def _start_engine(self) -> None:
        self._engine = start_server(self._engine_socket)
        self._engine_version = None
        self._engine_starts += 1

    def _look_after_engine(self) -> None:
        """Start the engine again if it ended, also while it was starting; tell once it is ready."""
        if self._engine is not None and self._engine.poll() is not None:
            log.error("the engine ended with code %s: starting it again", self._engine.returncode)
            self._start_engine()
        if self._engine_version is None:
            try:
                self._engine_version = Engine(self._engine_socket, patience=0).version().scancode
            except EngineError:
                return
            log.info("the engine is ready: ScanCode %s", self._engine_version)
            mark_ready()

    def stop(self, graceful: bool = False) -> None:
        super().stop(graceful)
        if self._engine is not None:
            self._engine.terminate()
            try:
                self._engine.wait(10)
            except subprocess.TimeoutExpired:
                self._engine.kill()
        self._sign.end()


@queue.on_startup()
def _tie_to_parent() -> None:
    """Let a worker die with its consumer: orphans would go on taking jobs beside the workers of the next one."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _CONSUMER:
        os._exit(1)


def mark_ready() -> None:
    """Tell whoever started us, through the file descriptor that it named, that scans are worked on from now."""
    if number := os.environ.pop("READY_FD", None):
        os.write(int(number), b"ready\n")
        os.close(int(number))


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    sandbox.lower_priority(NICENESS)
    try:
        app = create_app()
        logs.set_up(app.config)
    except config.BadSetting as error:
        sys.exit(f"Cannot start: {error}")
    with ExitStack() as stack:
        with app.app_context():
            # What the engine's children write lies there, too: if this process is killed, a sweep removes it.
            socket = stack.enter_context(workspaces.scratch()) / "engine.sock"
            count = work.workers()
        app.config["ENGINE_SOCKET"] = str(socket)
        Worker(
            socket,
            workers=count,
            worker_type="process",
            # A doorbell is heard within this time on SQLite; on Redis and PostgreSQL at once.
            initial_delay=0.05,
            max_delay=0.2,
            backoff=1.1,
            health_check_interval=HEALTH_CHECK,
            shutdown_timeout=10,
            graceful_signal="TERM",
        ).run()


if __name__ == "__main__":
    main()
