"""What all tests share: an application on a database of its own, and the rule that nothing is skipped in CI."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings

import config
from webapp import create_app
from webapp.extensions import db

CHROMIUM = Path("/usr/bin/chromium")

# Made-up inputs are the same in each run: only a change makes a test fail. `make fuzz` looks for new ones.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("new", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine has no service or browser for."""
    reasons = {
        "postgresql": None if _listens(5432) else "no PostgreSQL listens on 127.0.0.1:5432",
        "redis": None if _listens(6379) else "no Redis listens on 127.0.0.1:6379",
        "nginx": None if shutil.which("nginx") else "nginx is missing (on Debian: apt-get install nginx-light)",
        "browser": None if CHROMIUM.exists() else f"{CHROMIUM} is missing (on Debian: apt-get install chromium)",
    }
    for item in items:
        for name, reason in reasons.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip into a failure where SCANPOST_NO_SKIPS says that everything must run."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("SCANPOST_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr[-1]}"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The settings of the application, as environment variables; a test may add some before it asks for ``app``."""
    return {
        "INSTANCE": str(tmp_path / "instance"),
        "FETCH_ALLOWED_NETWORKS": "127.0.0.0/8",
        "DISK_RESERVE": "0",
        "PATH": os.environ["PATH"],
    }


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[Flask]:
    """An application with empty tables; its context is pushed."""
    # Flask-Mail sends nothing while TESTING is on; the tests have servers of their own to send to.
    settings = {"TESTING": True, "WTF_CSRF_ENABLED": False, "MAIL_SUPPRESS_SEND": False}
    app = create_app({**config.load(environment), **settings})
    with app.app_context():
        db.create_all()
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
