"""What is wrong with a deployment, in words: asked by the operator as ``flask doctor``."""

from __future__ import annotations

import os
import shutil
import smtplib
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import func, select, text

from scanner import sandbox
from scanner.limits import size
from tasks import status
from webapp import readiness
from webapp.extensions import db
from webapp.models import JobState, OutMail, Scan, State, clock, now

#: Seconds that the mail server may take for an answer.
PATIENCE = 5
#: Seconds between two clocks that may well differ on one machine or across a network.
SKEW = 5.0
#: Seconds after which a scan that waits although a worker is alive is a sign of trouble, or of too few workers.
LONG = 900
#: Bytes of memory of site, worker and engine at rest, and of each file that is scanned beside (docs/OPERATIONS.md).
REST_MEMORY = 1_100_000_000
FILE_MEMORY = 400_000_000
#: File systems on which SQLite's locks do not hold between machines.
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph")


class Level(Enum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One sentence about this deployment, and what to do about it."""

    level: Level
    sentence: str
    advice: str = ""


Findings = Iterator[Finding]


def _ok(sentence: str) -> Finding:
    return Finding(Level.OK, sentence)


def _warning(sentence: str, advice: str = "") -> Finding:
    return Finding(Level.WARNING, sentence, advice)


def _problem(sentence: str, advice: str = "") -> Finding:
    return Finding(Level.PROBLEM, sentence, advice)


def examine() -> Findings:
    """Yield what was found, part by part. A part that itself fails is a finding, too."""
    checks = readiness.check_all()
    for check in checks:
        why = f"{check.why} {check.detail}".strip()
        yield _ok(why) if check.ok else _problem(why, _ADVICE.get(check.name, ""))
    tables = all(check.ok for check in checks if check.name in ("database", "migrations"))
    for part in (*PARTS, *(PARTS_WITH_TABLES if tables else ())):
        try:
            yield from part(current_app.config)
        except Exception as error:
            name = part.__name__.strip("_").replace("_", " ")
            reason = str(getattr(error, "orig", None) or error).split("\n")[0]
            yield _problem(f"The examination of the {name} failed: {type(error).__name__}: {reason}")
        finally:
            db.session.rollback()


_ADVICE = {
    "database": "Is DATABASE_URL right, and the server up?",
    "queue": "Is QUEUE_URL right, and the server up? Scans are kept meanwhile, and begun late.",
    "storage": "May this user write to STORAGE_URL?",
    "worker": "Scans wait until one is started with the same settings.",
    "disk": "Remove what is not needed, lower RETENTION_DAYS, or `flask scans purge --days N`.",
}


def _addresses(settings: Any) -> Findings:
    """What the site listens on, what mails link to, and who is believed about clients."""
    base, host, hops = urlsplit(settings["BASE_URL"]), settings["HOST"], settings["TRUSTED_PROXIES"]
    public_host, public_base = not _loopback(host), not _loopback(base.hostname or "")
    if public_host and not public_base:
        yield _problem(
            f"The site listens on {host}, but mails link to {settings['BASE_URL']}, which leads readers to themselves.",
            "Set BASE_URL to the address under which others reach the site.",
        )
    if public_base and base.scheme == "http":
        yield _warning(
            "BASE_URL begins with http: links to reports, which are secrets, travel in the clear.",
            "Put a proxy with TLS in front (deploy/nginx.conf) and set BASE_URL to https://…",
        )
    if public_base and not public_host and not hops:
        yield _problem(
            "A proxy seems to stand in front (BASE_URL is public, HOST is not), but TRUSTED_PROXIES is 0: all visitors "
            "count as one client.",
            "Set TRUSTED_PROXIES to the number of proxies in front, usually 1.",
        )
    if hops and public_host:
        yield _warning(
            f"TRUSTED_PROXIES is {hops}, but {host} can be reached past the proxy: clients can say who they are.",
            "Set HOST to 127.0.0.1, or let only the proxy reach the port.",
        )
    if public_host or public_base or not hops:
        yield _ok(f"The site is {settings['BASE_URL']} and listens on {host}:{settings['PORT']}.")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost") or host.endswith(".localhost")


def _secrets(settings: Any) -> Findings:
    if len(settings["SECRET_KEY"]) < 32:
        yield _problem(
            "SECRET_KEY is shorter than 32 characters: cookies can be forged.",
            "Remove it, and one is made in INSTANCE/secret_key; or make one with `openssl rand -hex 32`.",
        )
    for name in ("OPERATOR_PASSWORD", "METRICS_TOKEN"):
        if settings[name] and len(settings[name]) < 16:
            yield _warning(f"{name} is shorter than 16 characters.", "Make one with `openssl rand -hex 16`.")
    mode = stat.S_IMODE(settings["INSTANCE"].stat().st_mode)
    if mode & 0o077:
        yield _warning(
            f"{settings['INSTANCE']} is open to other users of this machine (mode {mode:o}).",
            f"chmod 700 {settings['INSTANCE']}",
        )
    if os.geteuid() == 0:
        yield _warning("This runs as root.", "Run it as a user of its own; the units in deploy/ do.")
    if networks := settings["FETCH_ALLOWED_NETWORKS"]:
        yield _warning(
            f"Scans may reach {', '.join(map(str, networks))}, although these are not public.",
            "Right for an intranet; on a public site remove FETCH_ALLOWED_NETWORKS.",
        )
    if any(network.prefixlen == 0 for network in settings["METRICS_NETWORKS"]):
        yield _problem("METRICS_NETWORKS lets everybody read the metrics.", "Name the monitoring machines only.")


def _mail(settings: Any) -> Findings:
    server, port = settings["MAIL_SERVER"], settings["MAIL_PORT"]
    if not server:
        folder = settings["INSTANCE"] / "outbox"
        yield _warning(f"No MAIL_SERVER is set: mails are written to {folder}.", "Set MAIL_SERVER to send them.")
        return
    if "localhost" in settings["MAIL_DEFAULT_SENDER"]:
        yield _warning(
            f"Mails come from {settings['MAIL_DEFAULT_SENDER'].split('<')[-1].strip('>').split('@')[-1]}, "
            "which most mail servers refuse.",
            "Set MAIL_DEFAULT_SENDER to an address of your domain.",
        )
    try:
        _greet(settings)
    except (OSError, smtplib.SMTPException) as error:
        reason = getattr(error, "smtp_error", b"")
        detail = reason.decode(errors="replace") if isinstance(reason, bytes) and reason else str(error)
        yield _problem(f"The mail server {server}:{port} does not take us: {detail}", "See MAIL_SERVER and the others.")
    else:
        yield _ok(f"The mail server {server}:{port} takes us.")


def _greet(settings: Any) -> None:
    """Go with the mail server as far as can be gone without a mail."""
    kind = smtplib.SMTP_SSL if settings["MAIL_USE_SSL"] else smtplib.SMTP
    with kind(settings["MAIL_SERVER"], settings["MAIL_PORT"], timeout=PATIENCE) as connection:
        connection.ehlo_or_helo_if_needed()
        if settings["MAIL_USE_TLS"]:
            connection.starttls()
        if settings["MAIL_USERNAME"]:
            connection.login(settings["MAIL_USERNAME"], settings["MAIL_PASSWORD"])


def _workers(_settings: Any) -> Findings:
    for worker in status.living():
        name = worker.name.rsplit(":", 1)[0]
        if different := status.disagreements(worker):
            yield _problem(
                f"The worker {name} has another {' and another '.join(different)} than this process.",
                "Give both the same settings, and start it again.",
            )
        if abs(worker.clock_off) > SKEW:
            yield _problem(
                f"The clock of the worker {name} is off the database's by {worker.clock_off:+.0f} seconds.",
                "Leases do not mind, times on pages do: let both keep time (chrony, systemd-timesyncd).",
            )
        if worker.engine_starts > 3:
            yield _warning(
                f"The engine of the worker {name} was started {worker.engine_starts} times.",
                "Its log says why it ended; often the machine is short of memory.",
            )
        for sentence in status.missing(worker):
            yield _warning(f"On the machine of the worker {name}: {sentence}")


def _this_machine(settings: Any) -> Findings:
    for sentence in sandbox.capabilities().missing():
        yield _warning(f"On this machine: {sentence}")
    if shutil.which("git") is None:
        yield _warning("On this machine: git is not installed.", "Workers need it to fetch repositories.")
    wanted = REST_MEMORY + settings["SCAN_PROCESSES"] * FILE_MEMORY
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory < wanted:
        yield _warning(
            f"{size(memory)} of memory are few for {settings['SCAN_PROCESSES']} files at a time: "
            f"about {size(wanted)} are wanted.",
            "Lower SCAN_PROCESSES.",
        )


def _clock(_settings: Any) -> Findings:
    off = time.time() - (db.session.scalar(select(clock())) or 0.0)
    if abs(off) > SKEW:
        yield _problem(f"The clock of this machine is off the database's by {off:+.0f} seconds.", "Let it keep time.")


def _sqlite(settings: Any) -> Findings:
    if not settings["DATABASE_URL"].startswith("sqlite:///"):
        return
    path = Path(settings["DATABASE_URL"].removeprefix("sqlite:///"))
    damage = db.session.scalar(text("PRAGMA quick_check(1)"))
    if damage != "ok":
        yield _problem(f"The database {path} is damaged: {damage}", "Stop everything and restore the last backup.")
    if (kind := _file_system(path)) in REMOTE:
        yield _problem(
            f"The database {path} is on a network file system ({kind}), where SQLite's locks do not hold.",
            "Move INSTANCE to a local disk, or set DATABASE_URL to a PostgreSQL server.",
        )


def _file_system(path: Path) -> str:
    """Return the kind of the file system that holds ``path``."""
    best, kind = Path("/"), ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split(" ")
        mount = Path(fields[1].encode().decode("unicode_escape"))
        if path.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, fields[2]
    return kind


def _work(_settings: Any) -> Findings:
    """Whether the work goes on."""
    oldest = db.session.scalar(select(func.min(Scan.created_at)).where(Scan.state == State.QUEUED))
    if oldest and (now() - oldest).total_seconds() > LONG and status.living():
        minutes = (now() - oldest).total_seconds() / 60
        yield _warning(
            f"A scan has waited {minutes:.0f} minutes although a worker is alive.",
            "More workers or a higher SCAN_PROCESSES would shorten the queue; see `flask scans list --state queued`.",
        )
    given_up = db.session.scalar(select(func.count()).where(OutMail.state == JobState.GIVEN_UP)) or 0
    if given_up:
        yield _warning(f"{given_up} mails were given up.", "The log of the worker says why, for each.")
    waiting = OutMail.state.in_((JobState.WAITING, JobState.RUNNING))
    oldest_mail = db.session.scalar(select(func.min(OutMail.created_at)).where(waiting))
    if oldest_mail and (now() - oldest_mail).total_seconds() > LONG:
        yield _problem("Mails have waited for more than a quarter of an hour.", "Is the mail server up?")


PARTS: tuple[Callable[[Any], Findings], ...] = (_addresses, _secrets, _mail, _this_machine)
PARTS_WITH_TABLES: tuple[Callable[[Any], Findings], ...] = (_workers, _clock, _sqlite, _work)
