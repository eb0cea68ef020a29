"""Fetch what was asked for, unpack it, and lay out its batches."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import current_app

from scanner import inventory, sources
from scanner.addresses import Gate
from scanner.archives import Unpacked
from scanner.results import FileEntry, Source
from tasks import workspaces
from tasks.heartbeat import Heartbeat
from tasks.jobs import finish, renew
from tasks.stages import reuse
from tasks.stages.common import engine, finding_cache, write_manifest
from webapp.extensions import writing
from webapp.models import Batch, Scan, State, now
from webapp.results import storage

log = logging.getLogger(__name__)


def fetch(scan: Scan) -> int:
    """Fetch and unpack a claimed scan and lay out its batches; return how many jobs there are. Raise ScannerError.

    None are left where the report of equal content answers at once.
    """
    with Heartbeat(scan) as heartbeat, workspaces.scratch() as scratch:
        if scan.source is None:
            _download(scan, scratch, heartbeat)
        version = engine().version(beat=heartbeat.check)
        if reuse.answer(scan, version):
            return 0
        heartbeat.set(state=State.UNPACKING)
        unpacked = _unpack(scan, heartbeat)
        place, limits = workspaces.path_of(scan), current_app.config["LIMITS"]
        files = inventory.take(place, unpacked.root, limits, beat=heartbeat.check)
        cache = finding_cache()
        known = cache.known(version, files) if cache else ()
        batches = inventory.batches(files, current_app.config["SCAN_PROCESSES"], known)
        heartbeat.check()
        for number, batch in enumerate(batches):
            write_manifest(scan, number, batch, scratch)
    _lay_out(scan, unpacked.root, list(unpacked.notes), batches)
    return len(batches) or 1


def _unpack(scan: Scan, heartbeat: Heartbeat) -> Unpacked:
    unpacked = workspaces.build(scan, lambda _done, _whole: heartbeat.check())
    if unpacked is None:
        # A worker that died after it had unpacked left the workspace, but what it learned died with it.
        workspaces.forget(scan)
        unpacked = workspaces.build(scan, lambda _done, _whole: heartbeat.check())
    if unpacked is None:
        raise RuntimeError("somebody else builds this workspace")
    return unpacked


def _download(scan: Scan, scratch: Path, heartbeat: Heartbeat) -> None:
    def progress(done: int, whole: int | None) -> None:
        heartbeat.set(bytes_done=done, bytes_total=whole)
        heartbeat.check()

    source, path = sources.fetch(
        sources.recognise(scan.asked, current_app.config["ACCESS"]),
        scratch,
        gate=Gate(current_app.config["FETCH_ALLOWED_NETWORKS"]),
        limits=current_app.config["LIMITS"],
        progress=progress,
        access=current_app.config["ACCESS"],
    )
    storage().put(workspaces.source_key(source), path)
    path.unlink(missing_ok=True)
    scan.source, scan.title = source.as_dict(), source.title
    renew(scan, source=scan.source, title=scan.title, bytes_done=source.size, bytes_total=source.size)


def _lay_out(scan: Scan, root: str, notes: list[str], batches: list[list[FileEntry]]) -> None:
    """Make the batches rows, and so open them to the workers, in one transaction."""
    source = Source.from_dict(scan.source or {})
    with writing() as session:
        finish(
            scan,
            state=State.SCANNING if batches else State.ASSEMBLING,
            attempts=0,
            failures=0,
            source=source.as_dict(),
            title=source.title,
            bytes_done=source.size or 0,
            bytes_total=source.size,
            root=root,
            notes=[*source.notes, *notes],
            files_total=sum(map(len, batches)),
            unpacked_bytes=sum(entry.size for batch in batches for entry in batch),
            batches_total=len(batches),
            batches_done=0,
            scanning_at=now(),
            updated_at=now(),
        )
        session.add_all(
            Batch(scan_id=scan.id, number=number, files=len(batch), bytes=sum(entry.size for entry in batch))
            for number, batch in enumerate(batches)
        )
