"""Put the report of a scan together, and end the scan."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedWriter
from pathlib import Path
from typing import Any, BinaryIO

from flask import current_app
from isal import igzip
from sqlalchemy import select

from reports import store, texts
from scanner.packing.layers import layers_of
from scanner.results import EngineVersion, FileEntry, Source
from scanner.stock_json import as_json
from tasks import workspaces
from tasks.heartbeat import Heartbeat
from tasks.jobs import finish
from tasks.stages import reuse
from tasks.stages.common import add_mail, clean_up, engine, read_manifest
from webapp import counters
from webapp.extensions import db, writing
from webapp.models import Batch, Scan, State, now
from webapp.results import SCANCODE_JSON, SCANCODE_LINES, STORE, TEXTS, storage

log = logging.getLogger(__name__)


def assemble(scan: Scan) -> None:
    """Put the report of a claimed scan together and end the scan. Raise ScannerError."""
    with Heartbeat(scan) as heartbeat, workspaces.scratch() as scratch:
        version = engine().version(beat=heartbeat.check)
        about = _put_together(scan, scratch, heartbeat, version)
        _pack(scratch, heartbeat)
        heartbeat.check()
        report = _keep(scan, scratch)
        digest = _digest(scratch / STORE, about)
    with writing() as session:
        finish(
            scan,
            state=State.DONE,
            report=report,
            twin_key=reuse.key_of(Source.from_dict(scan.source or {}), version),
            digest=digest,
            finished_at=now(),
            updated_at=now(),
        )
        add_mail(scan)
        session.query(Batch).filter(Batch.scan_id == scan.id).delete()
        counters.add(session, {("scans_ended", "done"): 1})
    clean_up(scan)


def _layers(scan: Scan) -> dict[str, int]:
    """Return the layer that each file came with, where it is a container image that was scanned."""
    source = Source.from_dict(scan.source or {})
    if source.kind != "image":
        return {}
    with storage().local(workspaces.source_key(source)) as tar:
        return layers_of(tar)


def _put_together(scan: Scan, scratch: Path, heartbeat: Heartbeat, version: EngineVersion) -> dict[str, Any]:
    """Write the report, its store and its texts into ``scratch``; return what the report says of itself."""
    while True:
        workspaces.build(scan, lambda _done, _whole: heartbeat.check())
        before = workspaces.identity(scan)
        started = time.monotonic()
        with ExitStack() as stack:
            findings = [stack.enter_context(storage().local(key)) for key in _finding_keys(scan)]
            engine().assemble(
                workspaces.path_of(scan),
                scan.root or "",
                findings,
                scratch,
                limits=current_app.config["LIMITS"],
                beat=heartbeat.check,
            )
        log.info("scan %s: codebase-level steps took %.1f s", scan.token, time.monotonic() - started)
        about = _about(scan, version)
        store.build(scratch / "report.jsonl", scratch / STORE, about=about, layers=_layers(scan), beat=heartbeat.check)
        whole = current_app.config["KEEP_TEXTS"]
        texts.build(workspaces.path_of(scan), scratch / STORE, scratch / TEXTS, whole=whole, beat=heartbeat.check)
        if before is not None and workspaces.identity(scan) == before and workspaces.holds(scan, _files(scan)):
            return about
        log.warning("the workspace of scan %s went away: putting its report together again", scan.token)
        workspaces.forget(scan)
        for path in scratch.iterdir():
            path.unlink()


def _files(scan: Scan) -> Iterator[FileEntry]:
    numbers = list(db.session.scalars(select(Batch.number).where(Batch.scan_id == scan.id)))
    db.session.rollback()
    for number in numbers:
        yield from read_manifest(scan, number)


def _keep(scan: Scan, folder: Path) -> str:
    """Put what was made into the storage, under a name of this attempt's own; return it."""
    report = f"{scan.prefix}/report-{scan.attempts}"
    for name in (STORE, SCANCODE_JSON, SCANCODE_LINES, TEXTS):
        if (folder / name).exists():
            storage().put(f"{report}/{name}", folder / name)
    return report


def _finding_keys(scan: Scan) -> list[str]:
    rows = db.session.query(Batch.findings).filter(Batch.scan_id == scan.id).order_by(Batch.number)
    keys = [key for (key,) in rows if key]
    db.session.rollback()
    return keys


def _about(scan: Scan, version: EngineVersion) -> dict[str, Any]:
    """Return what the report says of itself, beside ScanCode's findings."""
    seconds = db.session.query(db.func.sum(Batch.seconds)).filter(Batch.scan_id == scan.id).scalar()
    db.session.rollback()
    return {
        "source": scan.source,
        "title": scan.title,
        "asked": scan.asked,
        "notes": scan.notes,
        "files": scan.files_total,
        "bytes": scan.unpacked_bytes,
        "submitted_at": scan.created_at.isoformat(),
        "scanned_at": now().isoformat(),
        "seconds": (now() - scan.started_at).total_seconds() if scan.started_at else None,
        "cpu_seconds": seconds or 0.0,
        "engine": {"scancode": version.scancode, "index": version.license_index, "revision": version.revision},
    }


def _digest(database: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Return what the mail and lists say of a report, so that they need not open it."""
    with store.Report(database) as report:
        summary, counts = report.summary(), report.counts
        declared, clarity = summary.declared, summary.clarity
        return {
            "declared_license_spdx": declared.spdx if declared else None,
            "categories": list(declared.categories) if declared else [],
            "clarity_score": clarity.score if clarity else None,
            "packages": counts.packages,
            "dependencies": counts.dependencies,
            "errors": counts.errors,
            "licenses": [{"name": license.spdx, "files": license.files} for license in report.licenses()[:10]],
            "to_look_at": [item.sentence for item in report.to_look_at()],
            "cpu_seconds": about["cpu_seconds"],
            "seconds": about["seconds"],
        }


def _pack(folder: Path, heartbeat: Heartbeat) -> None:
    """Make the gzipped JSON Lines and JSON of a report's JSON Lines."""

    def kept() -> Iterator[bytes]:
        for line in plain:
            heartbeat.check()
            lines.write(line)
            yield line

    with (
        (folder / "report.jsonl").open("rb") as plain,
        _gzipped(folder / SCANCODE_LINES) as lines,
        _gzipped(folder / SCANCODE_JSON) as whole,
    ):
        whole.writelines(as_json(kept()))
    (folder / "report.jsonl").unlink()


def _gzipped(path: Path) -> BinaryIO:
    # Lines are short, and each write to such a file takes as long as compressing some kilobytes.
    return BufferedWriter(igzip.open(path, "wb", compresslevel=2), 1 << 20)
