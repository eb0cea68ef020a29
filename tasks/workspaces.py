"""The unpacked files of scans on this machine. Each can be built again from the stored source at any time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import current_app

from scanner import archives
from scanner.results import FileEntry, Progress, Source
from webapp.models import Scan
from webapp.results import storage

#: Seconds after which what nobody claims is taken for left over.
SETTLED = 60


def folder() -> Path:
    """Return where workspaces are."""
    path: Path = current_app.config["INSTANCE"] / "workspaces"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def path_of(scan: Scan) -> Path:
    return folder() / scan.token


def source_key(source: Source) -> str:
    """Return where in the storage the fetched file is: equal files are kept once."""
    return f"sources/{source.sha256}"


def build(scan: Scan, progress: Progress) -> archives.Unpacked | None:
    """Unpack the stored source of ``scan``, unless its workspace is there already; return what was unpacked, if it was.

    Raise ArchiveError and LimitExceeded, and what ``progress`` raises.
    """
    ready = path_of(scan)
    with _lock(ready.with_name(f"{ready.name}.lock"), progress):
        if ready.exists():
            return None
        draft = Path(tempfile.mkdtemp(dir=ready.parent, prefix=f"{ready.name}.draft-"))
        try:
            source = Source.from_dict(scan.source or {})
            with storage().local(source_key(source)) as stored:
                unpacked = archives.unpack(
                    stored, source.filename, draft, limits=current_app.config["LIMITS"], progress=progress
                )
            try:
                draft.rename(ready)
            except OSError:
                # Another worker, which had not waited for the lock any longer, was faster.
                if not ready.exists():
                    raise
        finally:
            remove(draft)
        return unpacked


def identity(scan: Scan) -> tuple[int, int, int] | None:
    """Return what tells this workspace of ``scan`` from one that is built later in its place; None if there is none."""
    try:
        status = path_of(scan).stat()
    except FileNotFoundError:
        return None
    # The inode alone does not: its number may be given to the next folder at once.
    return status.st_dev, status.st_ino, status.st_ctime_ns


def holds(scan: Scan, files: Iterable[FileEntry]) -> bool:
    """Tell whether all these files are there: somebody may be removing them one by one."""
    place = path_of(scan)
    return all((place / entry.path).exists() for entry in files)


def remove(path: Path) -> None:
    """Remove a folder and all below it, if it is there."""
    if path.exists():
        archives.remove_tree(path)


def forget(scan: Scan) -> None:
    """Remove the workspace of ``scan`` on this machine."""
    path = path_of(scan)
    # Renamed first: a builder that comes meanwhile finds no half-removed workspace.
    doomed = path.with_name(f"{path.name}.doomed-{os.getpid()}")
    try:
        path.rename(doomed)
    except FileNotFoundError:
        pass
    remove(doomed)
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder that goes when the block ends; the sweep removes those of killed processes.

    It is locked meanwhile, and the kernel ends the lock with its holder. A process id would not do: site and worker may
    run in containers, which have numbers of their own.
    """
    path = Path(tempfile.mkdtemp(dir=scratch_folder()))
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def remove_left_scratch() -> None:
    """Remove the scratch folders whose processes are gone."""
    for path in scratch_folder().iterdir():
        # Younger ones may be about to be locked.
        if age(path) > SETTLED and not _locked(path):
            shutil.rmtree(path, ignore_errors=True)


def scratch_folder() -> Path:
    """Return where scratch folders are, and other files that nobody misses."""
    path: Path = current_app.config["INSTANCE"] / "tmp"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _locked(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def age(path: Path) -> float:
    """Return how many seconds ago something was made or changed at ``path``; 0 if nothing is there."""
    try:
        return time.time() - path.lstat().st_ctime
    except FileNotFoundError:
        return 0.0


@contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """Keep workers from building the same workspace side by side; while waiting call ``progress``, which may raise.

    The lock only saves work: whoever waits for longer than an unpacking may take goes ahead; its holder may be stopped.
    A killed holder's lock ends with it.
    """
    patience = time.monotonic() + current_app.config["LIMITS"].unpack_seconds
    with path.open("w") as file:
        while time.monotonic() < patience:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(0, None)
                time.sleep(0.1)
        yield
