"""A site that starts rings for what waits: the queue may have lost its messages while nobody was there."""

from __future__ import annotations

import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from tasks.queue import queue
from tests.webapp.builders import a_scan

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "gunicorn.conf.py"


@pytest.mark.parametrize(("age", "messages"), [(1, 1), (2, 0)])
def test_the_first_process_of_a_site_rings_for_what_waits(
    app: Flask, monkeypatch: pytest.MonkeyPatch, age: int, messages: int
) -> None:
    monkeypatch.setenv("INSTANCE", str(app.config["INSTANCE"]))
    a_scan()

    runpy.run_path(str(CONFIGURATION))["post_worker_init"](SimpleNamespace(age=age, wsgi=app))

    deadline = time.monotonic() + 10
    while queue.pending_count() < messages and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    assert queue.pending_count() == messages
