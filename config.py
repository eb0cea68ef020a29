"""The settings: each has a name, a type, a default and one line of meaning; a bad value stops the start.

All come from the environment. ``load()`` returns the mapping that configures the Flask application.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import limits

from scanner.access import Access, read_credentials
from scanner.limits import Limits
from scanner.registries import Registries
from scanner.storage import open_storage


class BadSetting(Exception):
    """A setting's value cannot be used; the sentence names the variable and what it should be."""


def _text(value: str) -> str:
    return value


def _number(value: str) -> int:
    try:
        number = int(value.replace("_", ""))
    except ValueError:
        raise ValueError("must be a whole number") from None
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _positive(value: str) -> int:
    number = _number(value)
    if number == 0:
        raise ValueError("must be at least 1")
    return number


def _port(value: str) -> int:
    number = _positive(value)
    if number > 65_535:
        raise ValueError("must be at most 65535")
    return number


def _yes_no(value: str) -> bool:
    try:
        return {
            "1": True,
            "true": True,
            "yes": True,
            "on": True,
            "0": False,
            "false": False,
            "no": False,
            "off": False,
        }[value.lower()]
    except KeyError:
        raise ValueError("must be yes or no") from None


def _log_level(value: str) -> str:
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return value.upper()


def _log_format(value: str) -> str:
    if value not in ("text", "json"):
        raise ValueError("must be text or json")
    return value


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if not urlsplit(value).hostname:
        raise ValueError("must name a host")
    return value.rstrip("/")


def _sender(value: str) -> str:
    if "@" not in parseaddr(value)[1] or not value.isprintable():
        raise ValueError("must be a mail address, such as Scanpost <scanpost@example.org>")
    return value


def _file(value: str) -> str:
    if value and not Path(value).is_file():
        raise ValueError("there is no such file")
    return value


def _storage(value: str) -> str:
    open_storage(value)
    return value


def _networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())


def _words(value: str) -> tuple[str, ...]:
    return tuple(value.split())


def _database(value: str) -> str:
    """Accept what other tools call a PostgreSQL address, and name the driver that is installed."""
    for prefix in ("postgresql://", "postgres://"):
        if value.startswith(prefix):
            return _address("postgresql+psycopg://" + value.removeprefix(prefix))
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return _address(value)


def _queue(value: str) -> str:
    if not value.startswith(("sqlite:///", "redis://", "rediss://", "unix://", "postgresql://", "postgres://")):
        raise ValueError("must begin with sqlite:///, redis:// or postgresql://")
    return _address(value)


def _address(value: str) -> str:
    """Return the address of a database or a queue; ValueError, without the password in it, if it can be none."""
    if value in ("sqlite:///", "sqlite:///:memory:"):
        raise ValueError("must name a file: several processes share it")
    try:
        urlsplit(value).port  # noqa: B018  (looks at it)
    except ValueError:
        raise ValueError("has a port that is no number up to 65535, or a password in which / ? # are not %XX") from None
    return value


def _rate(value: str) -> str:
    limits.parse_many(value)
    return value


@dataclass(frozen=True)
class Setting:
    """One setting. ``default`` is the text that would stand in the environment; None is worked out in ``load``."""

    name: str
    parse: Callable[[str], Any]
    default: str | None
    meaning: str


_CORES = str(os.cpu_count() or 1)

SETTINGS: tuple[Setting, ...] = (
    Setting("INSTANCE", Path, "instance", "folder for everything that is kept: databases, storage, outbox, secret key"),
    Setting("SECRET_KEY", _text, None, "signs cookies and forms; made once and kept in INSTANCE/secret_key if not set"),
    Setting("BASE_URL", _base_url, None, "address of the site in mails; default http://127.0.0.1:PORT"),
    Setting("PORT", _port, "8000", "port that `make run` and `make web` listen on"),
    Setting("HOST", _text, "127.0.0.1", "address that `make run` and `make web` listen on"),
    Setting("TRUSTED_PROXIES", _number, "0", "how many reverse proxies in front may say who the client is"),
    Setting("DATABASE_URL", _database, None, "scans, batches and mails; default SQLite in INSTANCE, or postgresql://"),
    Setting("QUEUE_URL", _queue, None, "Huey's queue; default SQLite in INSTANCE, or redis:// or postgresql://"),
    Setting("QUEUE_NAME", _text, "scanpost", "prefix of the queue's keys, for several sites on one Redis"),
    Setting("STORAGE_URL", _storage, None, "fetched sources, findings and reports; default a folder in INSTANCE"),
    Setting("MAIL_SERVER", _text, "", "SMTP server; if empty, mails are written to INSTANCE/outbox/*.eml"),
    Setting("MAIL_PORT", _port, "25", "port of the SMTP server"),
    Setting("MAIL_USE_TLS", _yes_no, "no", "STARTTLS on the connection"),
    Setting("MAIL_USE_SSL", _yes_no, "no", "TLS from the first byte"),
    Setting("MAIL_USERNAME", _text, "", "user at the SMTP server, if it wants one"),
    Setting("MAIL_PASSWORD", _text, "", "password at the SMTP server"),
    Setting("MAIL_DEFAULT_SENDER", _sender, "Scanpost <scanpost@localhost>", "sender of the mails"),
    Setting("FETCH_ALLOWED_NETWORKS", _networks, "", "networks that may be fetched from although not public (CIDRs)"),
    Setting("FETCH_CONTACT", _text, "", "address of the operator, told to servers in the User-Agent"),
    Setting("FETCH_CONNECTIONS", _positive, "4", "connections to one host at a time, over all workers of a machine"),
    Setting(
        "FETCH_CREDENTIALS", read_credentials, "", "for mirrors: https://user:password@host …, between white space"
    ),
    Setting("FETCH_CERTIFICATES", _file, "", "file of the certificate authorities to trust, instead of the usual ones"),
    Setting("FETCH_PLAIN_REGISTRIES", _words, "", "hosts (with port) of image registries that speak http only"),
    *(
        Setting("REGISTRY_" + f.name.upper(), _base_url, str(f.default), f"where {f.name} packages are looked up")
        for f in fields(Registries)
    ),
    Setting("SCAN_PROCESSES", _positive, _CORES, "files that are scanned at the same time; default one for each core"),
    Setting("FETCH_SLOTS", _positive, "4", "scans that are fetched and unpacked at the same time"),
    Setting("LEASE_SECONDS", _positive, "15", "after how long without a sign of life a job is given to another worker"),
    Setting(
        "RATE_SUBMIT", _rate, "120 per minute; 600 per hour", "scans that one client (IPv4, or IPv6 /64) may submit"
    ),
    Setting("MAILS_PER_DAY", _positive, "50", "mails that one address is sent in 24 hours"),
    Setting("HSTS_SECONDS", _number, "0", "how long browsers shall insist on https; only with an https BASE_URL"),
    Setting(
        "QUEUE_LIMIT",
        _positive,
        "1000",
        "scans that may wait, half of them one client's; beyond, the site asks to come back",
    ),
    Setting("DISK_RESERVE", _number, "1_000_000_000", "bytes of disk that must stay free for a scan to be accepted"),
    Setting("CACHE_BYTES", _number, "2_000_000_000", "size of the cache of findings; 0 switches it off"),
    Setting(
        "KEEP_TEXTS", _yes_no, "yes", "whether scanned texts are kept with a report; if not, what matched a licence is"
    ),
    Setting(
        "REUSE_REPORTS", _yes_no, "yes", "answer with the report that is there when equal content is asked for again"
    ),
    Setting("RETENTION_DAYS", _positive, "90", "days after which a scan and all it left are removed"),
    Setting("LOG_LEVEL", _log_level, "INFO", "least severity that is logged"),
    Setting("LOG_FORMAT", _log_format, "text", "text for people, or json: one object on a line for each event"),
    Setting("SENTRY_DSN", _text, "", "where errors are reported; needs `pip install 'sentry-sdk[flask]'`"),
    Setting("METRICS_TOKEN", _text, "", "bearer token with which /metrics and /readyz can be read from anywhere"),
    Setting("METRICS_NETWORKS", _networks, "127.0.0.0/8, ::1/128", "where they can be read from without it (CIDRs)"),
    Setting("OPERATOR_PASSWORD", _text, "", "password of the page /operator; without one there is no such page"),
    *(
        Setting("LIMIT_" + f.name.upper(), _positive, str(f.default), f"{f.metadata['meaning']} ({f.metadata['unit']})")
        for f in fields(Limits)
    ),
)


#: How connections to PostgreSQL find out that the server is gone, seconds and milliseconds. Without these a process
#: waits for hours for the answer of a server that was cut off or that another took over from.
POSTGRESQL: Mapping[str, int] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

#: Settings whose values may hold passwords.
SECRET = frozenset({"DATABASE_URL", "QUEUE_URL", "FETCH_CREDENTIALS", "SECRET_KEY", "MAIL_PASSWORD"})


def load(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return all settings by name, in their final type, with Flask's own names beside them. Raise BadSetting."""
    environ = os.environ if environ is None else environ
    values = {setting.name: _value(setting, environ) for setting in SETTINGS}
    instance = values["INSTANCE"] = Path(values["INSTANCE"]).resolve()
    _make_folder(instance)
    values["SECRET_KEY"] = values["SECRET_KEY"] or _kept_secret(instance / "secret_key")
    values["BASE_URL"] = values["BASE_URL"] or f"http://127.0.0.1:{values['PORT']}"
    values["DATABASE_URL"] = values["DATABASE_URL"] or f"sqlite:///{instance / 'scanpost.sqlite'}"
    values["QUEUE_URL"] = values["QUEUE_URL"] or f"sqlite:///{instance / 'queue.sqlite'}"
    values["STORAGE_URL"] = values["STORAGE_URL"] or str(instance / "storage")
    values["LIMITS"] = Limits(**{f.name: values["LIMIT_" + f.name.upper()] for f in fields(Limits)})
    values["ACCESS"] = _access(values)
    if values["MAIL_USE_TLS"] and values["MAIL_USE_SSL"]:
        raise BadSetting("MAIL_USE_TLS and MAIL_USE_SSL cannot both be yes: see which of them the mail server wants.")
    values["SQLALCHEMY_DATABASE_URI"] = values["DATABASE_URL"]
    # A database that was restarted has closed its end of the connections that wait in the pool.
    values["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_pre_ping": not values["DATABASE_URL"].startswith("sqlite"),
        # Among them may be mail addresses, and exceptions are logged.
        "hide_parameters": True,
        **({} if values["DATABASE_URL"].startswith("sqlite") else {"connect_args": dict(POSTGRESQL)}),
    }
    values["MAX_CONTENT_LENGTH"] = 100_000
    values["SESSION_COOKIE_SAMESITE"] = "Lax"
    # Our pages ask browsers for no Referer at all, so there is none to compare on https; the token is what counts.
    values["WTF_CSRF_SSL_STRICT"] = False
    values["SESSION_COOKIE_SECURE"] = values["BASE_URL"].startswith("https://")
    return values


def _access(values: Mapping[str, Any]) -> Access:
    contact = values["FETCH_CONTACT"] or values["BASE_URL"]
    return Access(
        # One line, whatever the setting holds: it becomes a header.
        user_agent=f"Scanpost/1.0 (+{' '.join(contact.split())})",
        certificates=values["FETCH_CERTIFICATES"] or None,
        registries=Registries(**{f.name: values["REGISTRY_" + f.name.upper()] for f in fields(Registries)}),
        plain_registries=values["FETCH_PLAIN_REGISTRIES"],
        credentials=values["FETCH_CREDENTIALS"],
        slots=values["INSTANCE"] / "hosts",
        connections=values["FETCH_CONNECTIONS"],
    )


def _value(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = environ.get(setting.name, "") or setting.default
    if text is None:
        return None
    try:
        return setting.parse(text)
    except ValueError as error:
        # A value that may hold a password is not repeated; its parser's sentence does not hold it either.
        shown = "" if setting.name in SECRET else f"={text!r}"
        raise BadSetting(f"{setting.name}{shown} cannot be used: {error}. It is: {setting.meaning}.") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"INSTANCE={str(folder)!r} cannot be made: {error.strerror}.") from error


def _kept_secret(path: Path) -> str:
    """Return the secret in ``path``, made on the first call; linked into place so that two starts agree on one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        if not path.exists():
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
        return path.read_text()
    except OSError as error:
        raise BadSetting(f"{path} cannot be read or written: {error.strerror}. Set SECRET_KEY or mend it.") from error
    finally:
        with suppress(OSError):
            draft.unlink()
