"""What the stages share: the engine, the finding cache, the lists of files in the storage, and how a scan ends."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from flask import current_app
from isal import igzip

from scanner.cache import FindingCache
from scanner.engine.client import Engine
from scanner.results import FileEntry
from tasks import workspaces
from webapp.extensions import db
from webapp.models import OutMail, Scan
from webapp.results import storage

log = logging.getLogger(__name__)


def engine() -> Engine:
    """Return the door to this machine's engine: one for this process, which may keep a child at hand."""
    if "engine" not in current_app.extensions:
        current_app.extensions["engine"] = Engine(Path(current_app.config["ENGINE_SOCKET"]))
    return current_app.extensions["engine"]


def finding_cache() -> FindingCache | None:
    """Return the cache of findings of this machine, or None where it is switched off."""
    if not current_app.config["CACHE_BYTES"]:
        return None
    if "finding_cache" not in current_app.extensions:
        current_app.extensions["finding_cache"] = FindingCache(
            current_app.config["INSTANCE"] / "cache.sqlite", max_bytes=current_app.config["CACHE_BYTES"]
        )
    return current_app.extensions["finding_cache"]


def write_manifest(scan: Scan, number: int, files: Iterable[FileEntry], scratch: Path) -> None:
    draft = scratch / f"batch-{number}"
    with igzip.open(draft, "wt", compresslevel=1) as file:
        json.dump([entry.as_list() for entry in files], file)
    storage().put(scan.manifest(number), draft)


def read_manifest(scan: Scan, number: int) -> list[FileEntry]:
    with storage().open(scan.manifest(number)) as packed, igzip.open(packed, "rt") as file:
        return [FileEntry(*entry) for entry in json.load(file)]


def add_mail(scan: Scan) -> None:
    """Queue the mail of a scan that just ended, inside the transaction that ends it."""
    if scan.address:
        domain = urlsplit(current_app.config["BASE_URL"]).hostname
        message_id = f"<{secrets.token_hex(16)}@{domain}>"
        db.session.add(OutMail(scan_id=scan.id, address=scan.address, message_id=message_id))


def clean_up(scan: Scan) -> None:
    """Remove what only a running scan needs, here and in the storage."""
    workspaces.forget(scan)
    for part in ("batches", "findings"):
        storage().delete(f"{scan.prefix}/{part}")


def remove_files(scan: Scan) -> None:
    """Remove all that is kept for this scan alone, here and in the storage."""
    workspaces.forget(scan)
    storage().delete(scan.prefix)
