"""The unpacked files of scans on this machine. Each can be built again from the stored source at any time."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flask import current_app

from scanner import archives
from scanner.results import FileEntry, Progress, Source
from webapp.models import Scan
from webapp.results import storage

#: In the names of folders that are to be removed.
_DOOMED = ".doomed-"
#: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_TOPDIR_FL: ioctl_iflags(2), linux/fs.h.
_GET_FLAGS, _SET_FLAGS, _TOP_OF_HIERARCHIES = 0x80086601, 0x40086602, 0x00020000
#: Seconds after which what nobody claims is taken for left over.
SETTLED = 60


def folder() -> Path:
    """Return where workspaces are."""
    path: Path = current_app.config["INSTANCE"] / "workspaces"
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        _spread(path)
    return path


def _spread(path: Path) -> None:
    """Tell ext4 that the folders in this one have nothing to do with each other: chattr(1), attribute T.

    Else it puts a new workspace where one was just removed, and, if it has no journal, looks for each new file at all
    that were removed there in the last minutes: 3 to 7 CPU seconds for 6,800 files in place of 0.2.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = bytearray(8)
        fcntl.ioctl(fd, _GET_FLAGS, flags)
        fcntl.ioctl(
            fd, _SET_FLAGS, (int.from_bytes(flags, sys.byteorder) | _TOP_OF_HIERARCHIES).to_bytes(8, sys.byteorder)
        )
    except OSError:
        # Another file system, which has other ways.
        pass
    finally:
        os.close(fd)


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
            unpacked = _unpack(scan, draft, progress)
            try:
                draft.rename(ready)
            except OSError:
                # Another worker, which had not waited for the lock any longer, was faster.
                if not ready.exists():
                    raise
        finally:
            doom(draft)
        return unpacked


def _unpack(scan: Scan, draft: Path, progress: Progress) -> archives.Unpacked:
    def progress_or_end(done: int, whole: int | None) -> None:
        try:
            progress(done, whole)
        except BaseException:
            # Before the unpacking clears up behind itself, which may take long: this worker is wanted elsewhere.
            doom(draft)
            raise

    source = Source.from_dict(scan.source or {})
    with storage().local(source_key(source)) as stored:
        return archives.unpack(
            stored, source.filename, draft, limits=current_app.config["LIMITS"], progress=progress_or_end
        )


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
    return all(os.path.exists(f"{place}/{entry.path}") for entry in files)  # noqa: PTH110 - half of the time.


def doom(path: Path) -> None:
    """Put a folder out of the way, if it is there; the next sweep removes it.

    Thousands of folders take seconds, for which a worker would keep its place, and a builder that came meanwhile would
    find half of a workspace.
    """
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name.partition('.')[0]}{_DOOMED}{secrets.token_hex(6)}"))


def remove_doomed() -> None:
    """Remove the folders that were put out of the way: one process at a time, so that the others can work."""
    with (folder().parent / "removing").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for path in folder().glob(f"*{_DOOMED}*"):
            archives.remove_tree(path)


def remove_left(over: Callable[[str], bool]) -> None:
    """Put out of the way what is here of scans that are ``over``, by their tokens."""
    for path in folder().iterdir():
        token = path.name.partition(".")[0]
        # Younger ones may belong to a worker that has not yet noticed that its scan is over.
        if _DOOMED not in path.name and age(path) > SETTLED and over(token):
            doom(path) if path.is_dir() else path.unlink(missing_ok=True)


def forget(scan: Scan) -> None:
    """Remove the workspace of ``scan`` on this machine."""
    path = path_of(scan)
    doom(path)
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
