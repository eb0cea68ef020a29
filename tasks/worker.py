"""The worker of one machine: the engine server, and a Huey consumer with process workers. ``python -m tasks.worker``.

The engine runs in a process of its own with an empty environment (see docs/ARCHITECTURE.md), so neither this process
nor the workers that it forks ever import scancode, and no process that parses a stranger's file ever held a password.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from huey.consumer import Consumer, Scheduler

import config
from scanner.engine.client import Engine, start_server
from tasks import scans, status, sweep
from tasks.queue import queue
from webapp import create_app, logs
from webapp.extensions import db

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1

#: The process that forks the workers: known before they are, so that one can tell whether it is an orphan already.
_CONSUMER = os.getpid()

#: How soon a worker or an engine that died is started again, seconds.
HEALTH_CHECK = 1.0


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
        self._engine_version = ""
        self._engine_starts = 0
        self._sign = status.SignOfLife(queue.app)  # type: ignore[arg-type]

    def start(self) -> None:
        self._start_engine()
        self._engine_version = Engine(self._engine_socket).version().scancode
        log.info("the engine is ready: ScanCode %s", self._engine_version)
        # Connections must not be shared with the workers that are forked now.
        with queue.app.app_context():  # type: ignore[union-attr]
            db.engine.dispose()
        super().start()
        # What a stop or a crash has left is found at once, not at the first tick.
        try:
            sweep.sweep()
        except Exception as error:
            log.warning("the queue cannot be reached: %s; the scheduler sweeps once it can", error)
        self._give_sign()
        mark_ready()

    def _start_engine(self) -> None:
        self._engine = start_server(self._engine_socket)
        self._engine_starts += 1

    def _give_sign(self) -> None:
        up = self._engine is not None and self._engine.poll() is None
        self._sign.give(engine=self._engine_version if up else None, engine_starts=self._engine_starts)

    def check_worker_health(self) -> bool:
        self._give_sign()
        if self._engine is not None and self._engine.poll() is not None:
            log.error("the engine ended with code %s: starting it again", self._engine.returncode)
            self._start_engine()
        return super().check_worker_health()

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
    # Pages come first on a busy machine.
    os.nice(5)


def mark_ready() -> None:
    """Tell whoever started us, through the file descriptor that it named, that scans are worked on from now."""
    if number := os.environ.get("READY_FD"):
        os.write(int(number), b"ready\n")
        os.close(int(number))


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    try:
        app = create_app()
        logs.set_up(app.config)
    except config.BadSetting as error:
        sys.exit(f"Cannot start: {error}")
    with tempfile.TemporaryDirectory(prefix="scanpost-") as folder:
        # Unix sockets take paths of 107 bytes only, so this is not in the instance folder.
        socket = Path(folder) / "engine.sock"
        app.config["ENGINE_SOCKET"] = str(socket)
        with app.app_context():
            count = scans.workers()
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
