"""Scan the files of a batch."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from flask import current_app
from isal import igzip
from sqlalchemy import delete, func, select, update

from scanner.cache import scan_with_cache
from scanner.results import FileEntry, FileFindings
from tasks import workspaces
from tasks.heartbeat import Heartbeat
from tasks.jobs import LeaseLost, finish
from tasks.stages.common import engine, finding_cache, read_manifest, write_manifest
from webapp import counters
from webapp.extensions import db, writing
from webapp.models import Batch, JobState, Scan, State, now
from webapp.results import storage

log = logging.getLogger(__name__)

#: After so many workers that died over a batch it is split, until the file that kills is alone.
DEATHS = 2
#: After so many that died over one file it is given up. More, because workers do not parse: they may well have been
#: killed for another reason, and a file is not to be blamed for two unlucky restarts.
DEATHS_ALONE = 4


def scan_batch(batch: Batch) -> bool:
    """Scan the files of a claimed batch; return whether it was the last one of its scan. Raise ScannerError."""
    scan = _scan_of(batch)
    files = read_manifest(scan, batch.number)
    if batch.deaths >= DEATHS and len(files) > 1:
        _split(scan, batch, files)
        return False
    with Heartbeat(batch) as heartbeat, workspaces.scratch() as scratch:
        findings = scratch / "findings.jsonl.gz"
        if batch.deaths >= DEATHS_ALONE:
            seconds, found = _write_findings(findings, [_killer(files[0])], heartbeat)
        else:
            seconds, found = _scan(scan, batch, files, findings, heartbeat)
        key = f"{scan.prefix}/findings/{batch.number}-{batch.attempts}.jsonl.gz"
        storage().put(key, findings)
    return _batch_done(batch, key, len(files), seconds, found)


def _scan_of(batch: Batch) -> Scan:
    """Return the scan, apart from the session: what is read of it later must not begin a transaction."""
    scan = db.session.get_one(Scan, batch.scan_id)
    db.session.expunge(scan)
    db.session.rollback()
    return scan


def _scan(
    scan: Scan, batch: Batch, files: list[FileEntry], target: Path, heartbeat: Heartbeat
) -> tuple[float, Counter[str]]:
    """Write the findings of ``files`` to ``target``; return the CPU seconds they took and the licences found."""
    while True:
        workspaces.build(scan, lambda _done, _whole: heartbeat.check())
        place = workspaces.path_of(scan)
        before = workspaces.identity(scan)
        results = scan_with_cache(
            engine(), finding_cache(), place, files, limits=current_app.config["LIMITS"], beat=heartbeat.check
        )
        written = _write_findings(target, results, heartbeat)
        if before is not None and workspaces.identity(scan) == before and workspaces.holds(scan, files):
            return written
        # Somebody removed the workspace meanwhile, and files may have been missed: build it again.
        log.warning("the workspace of scan %s went away: scanning batch %d again", scan.token, batch.number)
        workspaces.forget(scan)


def _write_findings(target: Path, results: Iterable[FileFindings], heartbeat: Heartbeat) -> tuple[float, Counter[str]]:
    seconds, found = 0.0, Counter[str]()
    done = known = errors = 0
    with igzip.open(target, "wt", compresslevel=1) as file:
        for done, findings in enumerate(results, 1):
            heartbeat.check()
            file.write(json.dumps(findings.as_dict()) + "\n")
            seconds += findings.seconds
            if expression := findings.results.get("detected_license_expression_spdx"):
                found[expression] += 1
                heartbeat.set(found=dict(found.most_common(8)))
            known += not findings.seconds and not findings.errors
            errors += bool(findings.errors)
            heartbeat.set(files_done=done)
    counters.note(
        {
            ("files", "known"): known,
            ("files", "error"): errors,
            ("files", "scanned"): done - known - errors,
            ("file_seconds", ""): seconds,
        }
    )
    return seconds, found


def _killer(entry: FileEntry) -> FileFindings:
    return FileFindings(
        entry.path, errors=("ERROR: the scanner was killed again and again while it worked on this file.",)
    )


def _split(scan: Scan, batch: Batch, files: list[FileEntry]) -> None:
    """Put two halves in the place of a batch: one of them holds the file that kills its worker."""
    middle = len(files) // 2
    with workspaces.scratch() as scratch, writing() as session:
        # This locks the scan's row, so of two batches that are split at the same time each gets numbers of its own.
        session.execute(update(Scan).where(Scan.id == scan.id).values(batches_total=Scan.batches_total + 1))
        finish(batch)
        last = session.scalar(select(func.max(Batch.number)).where(Batch.scan_id == scan.id)) or 0
        for number, half in enumerate((files[:middle], files[middle:]), last + 1):
            # Not over the list of the whole: without the commit that is still what its batch consists of.
            write_manifest(scan, number, half, scratch)
            # The halves start one death below the limit: each that kills again is split again.
            size = sum(entry.size for entry in half)
            session.add(Batch(scan_id=scan.id, number=number, files=len(half), bytes=size, attempts=DEATHS - 1))
        session.execute(delete(Batch).where(Batch.id == batch.id))


def _batch_done(batch: Batch, key: str, files: int, seconds: float, found: Counter[str]) -> bool:
    with writing() as session:
        # The scan before its batch, as everywhere: two that lock them in another order wait for each other. Of two
        # last batches the second waits here, and sees the first one's count.
        counted = session.execute(
            update(Scan)
            .where(Scan.id == batch.scan_id, Scan.state == State.SCANNING)
            .values(batches_done=Scan.batches_done + 1, updated_at=now())
            .returning(Scan.batches_done, Scan.batches_total)
        ).one_or_none()
        if counted is None:
            raise LeaseLost
        finish(
            batch,
            state=JobState.DONE,
            findings=key,
            files_done=files,
            seconds=seconds,
            found=dict(found.most_common(8)),
        )
        done, total = counted
        if done == total:
            session.execute(
                update(Scan)
                .where(Scan.id == batch.scan_id)
                .values(state=State.ASSEMBLING, updated_at=now(), attempts=0, failures=0)
            )
        counters.add(session, {("bytes", ""): batch.bytes})
    return bool(done == total)
