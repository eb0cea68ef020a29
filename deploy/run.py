"""Site and worker together, for one machine: ``make run``.

Starts both, prints the address once a scan can be submitted, starts again what dies, and stops all of it on SIGINT or
SIGTERM. What cannot work is told in one line before anything starts.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import config
from scanner.errors import ScannerError
from scanner.limits import size
from scanner.storage import open_storage
from tasks.queue import open_queue

ROOT = Path(__file__).resolve().parent.parent

#: Without this much free disk the first scan would fail, bytes.
LEAST_DISK = 200_000_000
#: Seconds that site and worker get to end by themselves.
PATIENCE = 15
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def main() -> None:
    """Run until a signal; exit with 0 after one, with a sentence and 1 if the start is impossible."""
    settings = check()
    environment = {**os.environ, "BASE_URL": settings["BASE_URL"], "INSTANCE": str(settings["INSTANCE"])}
    migrate(environment)
    Together(settings, environment).run()


def check() -> dict[str, Any]:
    """Return the settings if a start can succeed, else exit with one line."""
    try:
        settings = config.load()
    except config.BadSetting as error:
        sys.exit(f"Cannot start: {error}")
    if not os.access(settings["INSTANCE"], os.W_OK):
        sys.exit(f"Cannot start: the folder {settings['INSTANCE']} cannot be written to. Set INSTANCE to another.")
    free = shutil.disk_usage(settings["INSTANCE"]).free
    if free < LEAST_DISK:
        sys.exit(f"Cannot start: only {size(free)} of disk are free at {settings['INSTANCE']}.")
    for name in ("DATABASE_URL", "QUEUE_URL"):
        check_sqlite(name, settings[name])
    check_queue(settings["QUEUE_URL"])
    check_storage(settings["STORAGE_URL"], settings["INSTANCE"])
    check_address(settings["HOST"], settings["PORT"])
    return settings


def check_address(host: str, port: int) -> None:
    """Exit with one line if the site could not listen there, or nobody on this machine could reach it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror or error
            sys.exit(f"Cannot start: {host}:{port} cannot be listened on ({reason}). Set HOST or PORT to another.")
        probe.listen(1)
        try:
            socket.create_connection((_reached_at(host), port), timeout=2).close()
        except OSError as error:
            reason = error.strerror or error
            sys.exit(f"Cannot start: {host}:{port} cannot be reached from here ({reason}). Is the loopback up?")


def _reached_at(host: str) -> str:
    """Return where a site that listens on ``host`` answers."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (looked up, not listened on)


def check_sqlite(name: str, url: str) -> None:
    """Exit with one line if ``url`` names a SQLite file that is damaged; it stays as it is."""
    path = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///"):
        return
    if not path.parent.is_dir():
        sys.exit(f"Cannot start: {path} ({name}) cannot be made: {path.parent} is no folder.")
    if not path.exists():
        return
    try:
        connection = sqlite3.connect(path, timeout=15)
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        what = " ".join(found.split())
        sys.exit(f"Cannot start: {path} ({name}) cannot be used: {what}. Move it away, or restore a backup of it.")


def check_queue(url: str) -> None:
    """Exit with one line if the queue cannot be asked for its length."""
    try:
        open_queue(url, "start").queue_size()
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        sys.exit(f"Cannot start: the queue (QUEUE_URL) cannot be used: {reason}")


def check_storage(url: str, instance: Path) -> None:
    """Exit with one line if the storage does not keep a file."""
    key = f"start-{secrets.token_hex(8)}"
    try:
        storage = open_storage(url)
        with tempfile.NamedTemporaryFile(dir=instance) as file:
            storage.put(key, Path(file.name))
        storage.delete(key)
    except (OSError, ScannerError, ValueError) as error:
        sys.exit(f"Cannot start: the storage {url} (STORAGE_URL) cannot be used: {error}")


def migrate(environment: dict[str, str]) -> None:
    """Bring the database up to date, or exit with what is wrong with it in one line."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if result.returncode:
        # The last line of a traceback that is neither its frames nor SQLAlchemy's pointer to its own documents.
        lines = [
            line
            for line in result.stderr.splitlines()
            if line.strip() and not line.startswith((" ", "\t", "(Background"))
        ]
        if lines and (newer := re.search(r"Can't locate revision identified by '(\w+)'", lines[-1])):
            sys.exit(f"Cannot start: the database (DATABASE_URL) is of a newer version than this code ({newer[1]}).")
        reason = re.sub(r"^([\w.]+: |\([\w.]+\) )+", "", lines[-1]) if lines else "unknown error"
        sys.exit(f"Cannot start: the database (DATABASE_URL) cannot be used: {reason}")


class Together:
    """The two processes, as one."""

    def __init__(self, settings: dict[str, Any], environment: dict[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._stop = False
        self._worker_is_ready = False
        self._started: dict[str, float] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        config_file = str(ROOT / "deploy" / "gunicorn.conf.py")
        self._commands = {
            "site": [sys.executable, "-m", "gunicorn", "--config", config_file, "wsgi:app"],
            "worker": [sys.executable, "-m", "tasks.worker"],
        }

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask_to_stop)
        ready, ready_fd = os.pipe()
        os.set_blocking(ready, False)
        try:
            self._start("worker", ready_fd)
            self._start("site")
            os.close(ready_fd)
            told = False
            while not self._stop:
                told = told or self._tell_when_ready(ready)
                self._restart_what_died(told)
                time.sleep(0.1)
        finally:
            self._end()

    def _ask_to_stop(self, _number: int, _frame: Any) -> None:
        self._stop = True

    def _start(self, name: str, ready_fd: int | None = None) -> None:
        environment = dict(self._environment)
        if ready_fd is not None:
            environment["READY_FD"] = str(ready_fd)
        self._started[name] = time.monotonic()
        # A session of its own: Ctrl-C reaches this process only, which then stops the others in order.
        self._processes[name] = subprocess.Popen(
            self._commands[name],
            cwd=ROOT,
            env=environment,
            pass_fds=[ready_fd] if ready_fd is not None else [],
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    def _tell_when_ready(self, ready: int) -> bool:
        if not self._worker_ready(ready) or not self._site_answers():
            return False
        if not self._settings["MAIL_SERVER"]:
            print(f"No MAIL_SERVER is set: mails are written to {self._settings['INSTANCE'] / 'outbox'}", flush=True)
        print(f"Scanpost is ready: {self._settings['BASE_URL']}  (Ctrl-C stops it)", flush=True)
        return True

    def _worker_ready(self, ready: int) -> bool:
        if not self._worker_is_ready:
            try:
                self._worker_is_ready = bool(os.read(ready, 100))
            except BlockingIOError:
                pass
        return self._worker_is_ready

    def _site_answers(self) -> bool:
        try:
            with socket.create_connection((_reached_at(self._settings["HOST"]), self._settings["PORT"]), timeout=1):
                return True
        except OSError:
            return False

    def _restart_what_died(self, told: bool) -> None:
        for name, process in self._processes.items():
            if process.poll() is None:
                continue
            if not told:
                sys.exit(f"Cannot start: the {name} ended at once (exit code {process.returncode}).")
            # Not more than once in two seconds, should it die again and again.
            if time.monotonic() - self._started[name] > 2:
                print(
                    f"The {name} ended with code {process.returncode}: starting it again.", file=sys.stderr, flush=True
                )
                self._start(name)

    def _end(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    main()
