"""What is logged and how: one line for each event, without what a log must not hold.

Lines name a scan by its token ("scan TOKEN: …"). Mail addresses, passwords in URLs, the queries of URLs (they may be
signatures) and the secrets among the settings are taken out of every line, also out of the text of exceptions.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from config import BadSetting

#: Settings whose values must not appear in a log.
SECRETS = ("SECRET_KEY", "MAIL_PASSWORD", "METRICS_TOKEN", "OPERATOR_PASSWORD")
#: A shorter value may be part of an ordinary word, and hiding it everywhere would tell more than it hides.
LEAST_SECRET = 6

_PASSWORD = re.compile(r"(://)[^\s/@'\"]+@")
_QUERY = re.compile(r"(://[^\s?#'\"<>]*\?)[^\s'\"<>]+")
# Taken for an address, too, is a package with its version (name@1.0): better one too many.
_ADDRESS = re.compile(r"[^\s@<>\"'(),:;=/]+@[^\s@<>\"'(),:;=/]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SCAN = re.compile(r"\bscan ([A-Za-z0-9_-]{22})\b")


class Scrubber:
    """Takes out of a text what a log must not hold."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= LEAST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub("<secret>", text)
        text = _PASSWORD.sub(r"\1<hidden>@", text)
        text = _QUERY.sub(r"\1<hidden>", text)
        # "https://<hidden>@host" has been seen to already and is not an address.
        return _ADDRESS.sub("<address>", text) if "@" in text else text


def plain(text: str) -> str:
    """Return ``text`` on one line, without control characters: a stranger's name must not begin a line of its own."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


class TextFormatter(logging.Formatter):
    """For people: time, severity, name, message; the traceback below it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname).1s %(name)s %(message)s")
        self._scrub = Scrubber(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return self._scrub(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        return plain(super().formatMessage(record))


class JsonFormatter(logging.Formatter):
    """For programs: one JSON object on one line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._scrub = Scrubber(secrets)

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        event: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": self._scrub(message),
        }
        if scan := _SCAN.search(message):
            event["scan"] = scan[1]
        if record.exc_info:
            event["exception"] = self._scrub(self.formatException(record.exc_info))
        return json.dumps(event)


def configuration(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to log, for ``logging.config.dictConfig``."""
    formatter = JsonFormatter if settings["LOG_FORMAT"] == "json" else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "secrets": secrets(settings)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": settings["LOG_LEVEL"], "handlers": ["stderr"]},
        "loggers": {
            # Huey tells of each task; the stages tell more of each scan.
            "huey": {"level": "WARNING"},
            "alembic.runtime.plugins": {"level": "WARNING"},
            "gunicorn.error": {"level": "WARNING", "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }


def secrets(settings: Mapping[str, Any]) -> list[str]:
    """Return the values that no line may hold."""
    return [settings[name] for name in SECRETS if settings.get(name)]


def set_up(settings: Mapping[str, Any]) -> None:
    """Begin to log, and to report errors if SENTRY_DSN is set. Raise config.BadSetting if that cannot be."""
    logging.config.dictConfig(configuration(settings))
    if settings["SENTRY_DSN"]:
        _start_sentry(settings)


def _start_sentry(settings: Mapping[str, Any]) -> None:
    try:
        import sentry_sdk
    except ImportError:
        raise BadSetting(
            "SENTRY_DSN is set, but sentry-sdk is not installed: .venv/bin/pip install 'sentry-sdk[flask]'"
        ) from None
    scrub = Scrubber(secrets(settings))
    try:
        sentry_sdk.init(
            dsn=settings["SENTRY_DSN"],
            send_default_pii=False,
            # Frames hold what scans are about, and whom to mail; so do the bodies of requests.
            include_local_variables=False,
            max_request_body_size="never",
            # Breadcrumbs name the URLs that were fetched.
            max_breadcrumbs=0,
            # Errors only: how many requests there were, /metrics tells.
            auto_session_tracking=False,
            server_name="scanpost",
            before_send=lambda event, _hint: harmless(event, scrub),  # type: ignore[arg-type,return-value]
        )
    except sentry_sdk.utils.BadDsn as error:
        raise BadSetting(f"SENTRY_DSN cannot be used: {error}") from None


def harmless(event: Any, scrub: Scrubber) -> dict[str, Any]:
    """Return a report to Sentry without anything about the client, and with all its texts scrubbed."""
    request = event.pop("request", {})
    for name in ("user", "breadcrumbs", "extra"):
        event.pop(name, None)
    if method := request.get("method"):
        # Which page it was, the transaction tells by its route; the address itself would be the secret link.
        event["request"] = {"method": method}
    return _scrubbed(event, scrub)


def _scrubbed(value: Any, scrub: Scrubber) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {key: _scrubbed(item, scrub) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrubbed(item, scrub) for item in value]
    return value
