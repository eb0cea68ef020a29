"""The files of a workspace that ScanCode looks at, and the batches in which they are scanned."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from scanner.errors import ArchiveRefused, LimitExceeded
from scanner.limits import Limits, stated
from scanner.results import FileEntry

#: What ScanCode passes over wherever it is in the tree, in any case, file or folder: the names in commoncode's
#: ``ignore.ignores_VCS``, which ``commoncode.resource`` applies to every scan. A test compares the two.
_IGNORED = re.compile(
    r"\.bzr(?:ignore)?|\.git(?:ignore|attributes)?|\.hg(?:ignore)?|\.repo|\.svn(?:ignore)?|\.tfignore|vssver\.scc"
    r"|cvs|\.cvsignore|_mtn|_darcs|\{arch\}",
    re.IGNORECASE,
)

#: What a batch should cost on one core: its start must not matter, and progress should be seen. Seconds.
BATCH_SECONDS = 1.5
BATCH_FILES = 200
#: A small scan is cut finer, into about so many parts, so that it too has more than one core; but no finer than is
#: worth the start of a child. Seconds.
PARTS, LEAST_SECONDS = 4, 0.25
#: Rough speed of the engine on ordinary source code; only the order and the size of batches hang on it.
_SECONDS_PER_FILE, _BYTES_PER_SECOND = 0.01, 500_000


def take(workspace: Path, root: str, limits: Limits) -> list[FileEntry]:
    """List the regular files below ``root`` that stock ScanCode would scan there, sorted by path.

    Links are not followed and nothing but regular files is opened. Raises LimitExceeded, and ArchiveRefused for a name
    that cannot be written in a report.
    """
    entries: list[FileEntry] = []
    size = 0
    for path in _walk(workspace, root, limits):
        entry = _entry(workspace, path)
        size += entry.size
        entries.append(entry)
        if len(entries) > limits.unpacked_files:
            raise LimitExceeded(f"There are more than {stated(limits, 'unpacked_files')}.")
        if size > limits.unpacked_bytes:
            raise LimitExceeded(f"The files hold more than {stated(limits, 'unpacked_bytes')}.")
    return sorted(entries, key=lambda entry: entry.path)


def _walk(workspace: Path, root: str, limits: Limits) -> Iterator[str]:
    mode = (workspace / root).lstat().st_mode
    if stat.S_ISREG(mode):
        yield root
    waiting = [root] if stat.S_ISDIR(mode) and not _IGNORED.fullmatch(root) else []
    while waiting:
        folder = waiting.pop()
        if folder.count("/") > limits.path_depth:
            raise LimitExceeded(f"Folders are nested deeper than {stated(limits, 'path_depth')}.")
        with os.scandir(workspace / folder) as listing:
            for item in listing:
                path = f"{folder}/{item.name}"
                if _IGNORED.fullmatch(item.name):
                    continue
                if item.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif item.is_file(follow_symlinks=False):
                    yield path


def _entry(workspace: Path, path: str) -> FileEntry:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise ArchiveRefused(f"The name of a file is not UTF-8: {path!r}.") from error
    fd = os.open(workspace / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileEntry(path, os.fstat(fd).st_size, digest.hexdigest())


def batches(files: Sequence[FileEntry]) -> list[list[FileEntry]]:
    """Cut the files into batches of at most about BATCH_SECONDS, the costly first.

    A file that costs more than a batch is one of its own. At the end there are only batches of many cheap files, so
    that all cores are busy until shortly before the last one is done.
    """
    most = min(BATCH_SECONDS, max(LEAST_SECONDS, sum(map(cost, files)) / PARTS))
    result: list[list[FileEntry]] = []
    room = 0.0
    for file in sorted(files, key=lambda file: (-file.size, file.path)):
        seconds = cost(file)
        if not result or seconds > room or len(result[-1]) == BATCH_FILES:
            result.append([])
            room = most
        result[-1].append(file)
        room -= seconds
    return result


def cost(file: FileEntry) -> float:
    """Return about how many seconds of one core a file takes to scan."""
    return _SECONDS_PER_FILE + file.size / _BYTES_PER_SECOND
