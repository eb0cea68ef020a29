"""A log tells what happened, and holds nothing that it must not."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import config
from tests.servers.http import HttpServer
from webapp import logs

TOKEN = "AbCdEfGhIjKlMnOpQrSt-_"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return config.load(
        {"INSTANCE": str(tmp_path), "SECRET_KEY": "s3cr3t-key-of-the-site", "MAIL_PASSWORD": "mail-pass"}
    )


def line(settings: dict[str, Any], format: str, message: str, *values: object, error: bool = False) -> str:
    """Return what the formatter makes of one event."""
    formatter = logs.configuration({**settings, "LOG_FORMAT": format})["formatters"]["line"]
    record = logging.LogRecord(
        "tasks.scans", logging.INFO, "x.py", 1, message, values, sys.exc_info() if error else None
    )
    return formatter["()"](formatter["secrets"]).format(record)


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    "secret",
    [
        "ada@example.org",
        "ada.lovelace+scans@mail.example.org",
        "https://user:geheim@example.org/x.tgz",
        "postgresql+psycopg://me:geheim@db/scans",
        "https://example.org/x.tgz?X-Signature=geheim",
        "s3cr3t-key-of-the-site",
        "mail-pass",
    ],
)
def test_it_keeps_back(settings: dict[str, Any], format: str, secret: str) -> None:
    text = line(settings, format, f"scan {TOKEN}: %s happened", secret)

    assert TOKEN in text
    assert "happened" in text
    for part in ("geheim", "ada", "s3cr3t", "mail-pass", "Signature"):
        assert part not in text


@pytest.mark.parametrize("format", ["text", "json"])
def test_it_keeps_back_what_an_exception_says(settings: dict[str, Any], format: str) -> None:
    try:
        raise RuntimeError("550 <ada@example.org> is unknown at https://me:geheim@example.org/")
    except RuntimeError:
        text = line(settings, format, "it failed", error=True)

    assert "RuntimeError" in text
    assert "ada" not in text
    assert "geheim" not in text


def test_json_is_one_object_on_one_line_with_the_token(settings: dict[str, Any]) -> None:
    try:
        raise RuntimeError("broken\nin two")
    except RuntimeError:
        text = line(settings, "json", "scan %s: fetch failed\nunexpectedly \u2028", TOKEN, error=True)

    assert "\n" not in text
    event = json.loads(text)
    assert event["scan"] == TOKEN
    assert event["level"] == "INFO"
    assert event["logger"] == "tasks.scans"
    assert event["time"].endswith("+00:00")
    assert "broken\nin two" in event["exception"]


def test_a_name_cannot_begin_a_line_of_its_own(settings: dict[str, Any]) -> None:
    text = line(settings, "text", "a file called %s", "x\n2026-01-01 00:00:00 I root all is well\x1b[2J")

    assert "\n" not in text
    assert "\x1b" not in text


def test_a_name_without_a_valid_encoding_can_be_logged(settings: dict[str, Any]) -> None:
    assert json.loads(line(settings, "json", "a file called %s", "\udcff"))["message"].startswith("a file called")


def test_a_short_setting_does_not_hide_ordinary_words(tmp_path: Path) -> None:
    settings = config.load({"INSTANCE": str(tmp_path), "MAIL_PASSWORD": "a"})

    assert line(settings, "text", "a path").endswith("a path")


@pytest.mark.parametrize(("name", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "LOUD")])
def test_a_format_or_level_that_is_none_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(config.BadSetting, match=name):
        config.load({"INSTANCE": str(tmp_path), name: value})


# Sentry


#: In a process of its own: once begun, Sentry keeps its hooks in the interpreter.
REPORT = """
import logging, sys
import config
from webapp import logs

try:
    logs.set_up(config.load())
except config.BadSetting as error:
    sys.exit(str(error))
try:
    raise RuntimeError("no mail to " + "@".join(("ada", "example.org")))
except RuntimeError:
    logging.getLogger("tasks.mails").exception("scan AbCdEfGhIjKlMnOpQrSt-_: no mail")
import sentry_sdk
sentry_sdk.flush(10)
"""


def report(tmp_path: Path, code: str = REPORT, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "INSTANCE": str(tmp_path), "SECRET_KEY": "s3cr3t-key", **settings}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )


def test_sentry_is_told_of_errors_and_of_nobody(tmp_path: Path) -> None:
    with HttpServer() as http:
        report(tmp_path, SENTRY_DSN=http.url("/7").replace("://", "://publickey@"))
        sent = "".join(gzip.decompress(request.body).decode() for request in http.requests)

    assert "RuntimeError" in sent
    assert TOKEN in sent
    assert "ada@" not in sent
    assert "s3cr3t" not in sent
    assert socket.gethostname() not in re.findall(r'"server_name":"([^"]*)"', sent)


def test_a_dsn_without_sentry_says_what_to_install(tmp_path: Path) -> None:
    without = "import sys; sys.modules['sentry_sdk'] = None\n" + REPORT

    result = report(tmp_path, without, SENTRY_DSN="https://key@sentry.example/1")

    assert "pip install 'sentry-sdk[flask]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_dsn_that_is_none_stops_the_start(tmp_path: Path) -> None:
    result = report(tmp_path, SENTRY_DSN="sentry.example")

    assert result.returncode == 1
    assert result.stderr.startswith("SENTRY_DSN cannot be used")


def test_a_report_says_nothing_of_the_client() -> None:
    event = {
        "request": {
            "method": "POST",
            "url": "https://x/scans/secret",
            "headers": {"Cookie": "c"},
            "data": {"email": "e"},
        },
        "user": {"ip_address": "203.0.113.9"},
        "transaction": "scans.show",
        "exception": {"values": [{"value": "ada@example.org"}]},
    }

    clean = logs.harmless(event, logs.Scrubber())

    assert clean == {
        "request": {"method": "POST"},
        "transaction": "scans.show",
        "exception": {"values": [{"value": "<address>"}]},
    }
