"""The whole product as an operator starts it: site, worker and engine, in processes of their own on free ports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests

from tests.servers.ports import free_port

ROOT = Path(__file__).resolve().parents[2]

#: Seconds for the engine to load its index, on a busy machine.
START = 120
#: Seconds for a small scan, on a busy machine.
SCAN = 120


class Site:
    """``make run`` as a context: started on entering, stopped on leaving. ``log`` holds the lines that it printed."""

    def __init__(self, instance: Path, module: str = "deploy.run", **settings: str) -> None:
        self.instance = instance
        self.module = module
        self.port = free_port()
        self.log: list[str] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "INSTANCE": str(instance),
            "PORT": str(self.port),
            "FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SCAN_PROCESSES": "2",
            "DISK_RESERVE": "0",
            **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),
            **settings,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Site:
        self.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        # Of this start only: what still reads from an earlier one may end later than that.
        self._ready = threading.Event()
        self.log = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        own = (self.process, self.log, self._ready)
        self._reader = threading.Thread(target=_read, args=own, daemon=True)
        self._reader.start()
        self._ready.wait(START)
        if not any("Scanpost is ready" in line for line in self.log):
            self.process.kill()
            raise AssertionError("the site did not start:\n" + "".join(self.log))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it as Ctrl-C or systemd does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        return code

    def children(self, part: str) -> list[int]:
        """Return the process ids below this site whose command line holds ``part``."""
        return [pid for pid in _descendants(self.process.pid) if part in _command(pid)]

    def submit(self, url: str, email: str = "") -> str:
        """Submit through the form, as a browser without JavaScript does; return the address of the scan's page."""
        return self.send("/", "/scans", {"url": url, "email": email})

    def send(self, form: str, action: str, fields: dict[str, str], files: Any = None, prefix: str = "") -> str:
        """Send the form of a page and return where that leads to. ``prefix`` is the form's, on a page with several."""
        with requests.Session() as session:
            page = session.get(self.url + form, timeout=30).text
            token = re.search(rf'name="{prefix}csrf_token"[^>]* value="([^"]+)"', page)
            assert token, page
            answer = session.post(
                f"{self.url}{action}",
                {f"{prefix}csrf_token": token[1], **{prefix + name: value for name, value in fields.items()}},
                files=files,
                allow_redirects=False,
                timeout=30,
            )
            assert answer.status_code == 303, answer.text
            return requests.compat.urljoin(self.url, answer.headers["Location"])

    def status(self, page: str) -> dict[str, Any]:
        return requests.get(f"{page}/status.json", timeout=30).json()

    def wait(self, page: str, *states: str, seconds: float = SCAN) -> dict[str, Any]:
        """Wait until the scan is in one of ``states``, by default a final one; return its status.

        Asks often at first, and less often the longer it takes: asking is work for the site, too.
        """
        states = states or ("done", "failed", "cancelled")
        started = time.monotonic()
        deadline = started + seconds
        while True:
            status = self.status(page)
            if status["state"] in states:
                return status
            if time.monotonic() > deadline:
                raise AssertionError(f"still {status} after {seconds} s:\n" + "".join(self.log[-50:]))
            time.sleep(min(max(0.05, (time.monotonic() - started) / 10), 0.5))


def _read(process: subprocess.Popen[str], log: list[str], ready: threading.Event) -> None:
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            log.append(line)
            if "Scanpost is ready" in line:
                ready.set()
    ready.set()


def _descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = [int(child) for child in children.read_text().split()]
        except OSError:
            continue
        for child in pids:
            found += [child, *_descendants(child)]
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
