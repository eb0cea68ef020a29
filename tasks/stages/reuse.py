"""Equal content, asked for again: the report that is there already, told as the new scan's own.

What was asked, by whom and from where is the other visitor's business, so the copy says nothing of it.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from reports import store
from scanner.errors import EngineError, NotStored
from scanner.results import EngineVersion, Source
from tasks import workspaces
from tasks.jobs import finish
from tasks.stages.common import add_mail
from webapp import counters
from webapp.extensions import db, writing
from webapp.models import Scan, State, now
from webapp.results import SCANCODE_JSON, SCANCODE_LINES, STORE, TEXTS, storage

log = logging.getLogger(__name__)

#: Changes whenever a report that was kept before could differ from one made now for another reason than the engine.
_FORMAT = 3


def key_of(source: Source, version: EngineVersion) -> str:
    """Return a digest of all that decides what a report says: the content, the names in it, and the engine."""
    parts = (str(_FORMAT), source.sha256 or "", source.filename, str(version))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def answer(scan: Scan, version: EngineVersion) -> bool:
    """End a fetched scan with the report of equal content, if there is one; tell whether there was."""
    if not current_app.config["REUSE_REPORTS"]:
        return False
    key = key_of(Source.from_dict(scan.source or {}), version)
    twin = db.session.scalar(
        select(Scan).where(Scan.twin_key == key, Scan.state == State.DONE).order_by(Scan.finished_at).limit(1)
    )
    if twin is None or not twin.report:
        db.session.rollback()
        return False
    # A snapshot: read again, it would be gone where somebody deletes it meanwhile.
    db.session.expunge(twin)
    db.session.rollback()
    try:
        report, about = _copy(twin, scan)
    except (FileNotFoundError, NotStored, EngineError) as error:
        # Removed a moment ago, lost or damaged: then it is scanned after all.
        log.warning("scan %s: the report of equal content cannot be used: %s", scan.token, error)
        return False
    with writing() as session:
        finish(
            scan,
            state=State.DONE,
            report=report,
            twin_key=key,
            digest=twin.digest,
            root=twin.root,
            notes=about["notes"],
            files_total=twin.files_total,
            unpacked_bytes=twin.unpacked_bytes,
            finished_at=now(),
            updated_at=now(),
        )
        add_mail(scan)
        counters.add(session, {("scans_ended", "done"): 1, ("reports_reused", ""): 1})
    log.info("scan %s: answered with the report of equal content", scan.token)
    return True


def _copy(twin: Scan, scan: Scan) -> tuple[str, dict[str, object]]:
    """Copy the twin's report; return where the copy is, and what it says of itself."""
    report = f"{scan.prefix}/report-{scan.attempts}"
    for name in (SCANCODE_JSON, SCANCODE_LINES, TEXTS):
        if storage().exists(f"{twin.report}/{name}"):
            with storage().local(f"{twin.report}/{name}") as path:
                storage().put(f"{report}/{name}", path)
    with workspaces.scratch() as scratch, storage().local(f"{twin.report}/{STORE}") as path:
        about = {**_own(path), **_new(scan)}
        store.retell(path, scratch / STORE, about=about)
        storage().put(f"{report}/{STORE}", scratch / STORE)
    return report, about


def _own(database: Path) -> dict[str, object]:
    """Return what a report says of the scan itself, without what it says of whoever asked for it."""
    with store.Report(database) as report:
        about = report.about
    shared = ("files", "bytes", "seconds", "cpu_seconds", "engine", "scanned_at")
    when = datetime.fromisoformat(about["scanned_at"])
    known = f"Equal content was scanned here on {when.day} {when:%b %Y, %H:%M} UTC; these are those findings."
    notes = [note for note in about.get("notes") or () if not note.startswith("Equal content was scanned")]
    return {**{name: about.get(name) for name in shared}, "notes": [*notes, known]}


def _new(scan: Scan) -> dict[str, object]:
    return {
        "source": scan.source,
        "title": scan.title,
        "asked": scan.asked,
        "submitted_at": scan.created_at.isoformat(),
    }
