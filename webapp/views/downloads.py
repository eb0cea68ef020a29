"""Reports as files: each format is written once, by a process of its own, kept, and then only sent."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from flask import Blueprint, Response, abort, current_app, request
from isal import igzip

import reports
from reports.formats import FORMATS, Format
from tasks import workspaces
from tasks.scans import Busy
from webapp.models import Scan, State
from webapp.results import SCANCODE_JSON, SCANCODE_LINES, STORE, storage
from webapp.views.lookup import find_scan
from webapp.views.privacy import keep_private

log = logging.getLogger(__name__)

blueprint = Blueprint("downloads", __name__, url_prefix="/scans/<token>")
blueprint.after_request(keep_private)

CHUNK = 64 * 1024  #: bytes that are read and sent at a time
WRITERS = 2  #: formats that this machine writes at the same time
PATIENCE = 3.0  #: seconds that somebody waits for a writer before being asked to come back
SECONDS = 1_200  #: that writing one format may take

#: Compressed already; all others are kept gzipped, as most browsers take them.
_COMPACT = frozenset(("xlsx", "zip"))

#: What the worker that put the report together has left: ScanCode's own lines, and the JSON that was made of them.
_KEPT = {"json": SCANCODE_JSON, "jsonl": SCANCODE_LINES}


@blueprint.app_context_processor
def formats() -> dict[str, Any]:
    """Let every page of a report offer them."""
    return {"formats": tuple(FORMATS.values())}


@blueprint.get("/report.<name>")
def report(token: str, name: str) -> Response:
    """Send the report in a format."""
    format_ = FORMATS.get(name)
    if format_ is None:
        abort(404, f"There is no such format; there are {', '.join(FORMATS)}.")
    scan = find_scan(token)
    if scan.state is not State.DONE:
        abort(404, "This scan has no report, or not yet: see its status.json.")
    stored = _open(scan, format_)
    packed = name not in _COMPACT
    as_it_is = not packed or "gzip" in request.accept_encodings
    response = Response(_pieces(stored) if as_it_is else _unpacked(stored), mimetype=format_.media_type)
    response.call_on_close(stored.close)
    response.headers["Content-Disposition"] = f'attachment; filename="{_file_name(scan)}{format_.suffix}"'
    if packed:
        response.vary.add("Accept-Encoding")
        if as_it_is:
            response.headers["Content-Encoding"] = "gzip"
    return response


def _file_name(scan: Scan) -> str:
    """Return a name for downloads that any system takes; the title is a stranger's text."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", scan.title)[:80].strip("-.") or "scan"


def _open(scan: Scan, format_: Format) -> BinaryIO:
    key = f"{scan.report}/{_KEPT.get(format_.name) or f'formats/{_writers()}/{format_.name}'}"
    if not storage().exists(key):
        with _turn():
            # Somebody else may have wanted the same, and have had the turn before.
            if not storage().exists(key):
                _write(scan, format_, key)
    return storage().open(key)


@cache
def _writers() -> str:
    """Return a digest of all that decides what a format looks like, so that no file outlives a change of it."""
    digest = hashlib.sha256()
    folder = Path(reports.__path__[0])
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@contextmanager
def _turn() -> Iterator[None]:
    """Hold one of this machine's places for writers; raise Busy if none becomes free in time.

    A place is a locked file: the kernel frees it however its holder ends.
    """
    folder = current_app.config["INSTANCE"] / "writers"
    folder.mkdir(mode=0o700, exist_ok=True)
    deadline = time.monotonic() + PATIENCE
    while True:
        for number in range(WRITERS):
            with (folder / str(number)).open("w") as file:
                try:
                    flock(file, LOCK_EX | LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        if time.monotonic() > deadline:
            raise Busy("Several reports are being written already. Please try again in a moment.", 30)
        time.sleep(0.1)


def _write(scan: Scan, format_: Format, key: str) -> None:
    """Let a process write the format, and keep it."""
    started = time.monotonic()
    with workspaces.scratch() as folder:
        draft = folder / "draft"
        with storage().local(f"{scan.report}/{STORE}") as database, draft.open("wb") as out:
            made = subprocess.run(
                [sys.executable, "-m", "reports", format_.name, str(database)],
                cwd=Path(reports.__path__[0]).parent,
                env={"LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                timeout=SECONDS,
                check=False,
            )
        if made.returncode != 0:
            log.error("scan %s: %s: %s", scan.token, format_.name, made.stderr.decode(errors="replace")[-2000:])
            abort(500)
        storage().put(key, draft if format_.name in _COMPACT else _gzipped(draft))
    log.info("scan %s: %s written in %.1f s", scan.token, format_.name, time.monotonic() - started)


def _gzipped(path: Path) -> Path:
    packed = path.with_suffix(".gz")
    with path.open("rb") as plain, igzip.open(packed, "wb", compresslevel=2) as out:
        shutil.copyfileobj(plain, out, CHUNK)
    return packed


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(CHUNK):
        yield piece


def _unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what a gzip stream holds, in pieces of bounded size however well it is compressed."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    for piece in _pieces(stream):
        yield unpacker.decompress(piece, CHUNK)
        while unpacker.unconsumed_tail:
            yield unpacker.decompress(unpacker.unconsumed_tail, CHUNK)
    yield unpacker.flush()
