"""The files of a workspace that ScanCode looks at, and the batches in which they are scanned."""

from __future__ import annotations

import hashlib
import heapq
import os
import re
import stat
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
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
BATCH_SECONDS = 0.75
#: What a batch should cost at least: a child of its own costs 0.02 s, and learns words and types anew.
LEAST_SECONDS = 0.2
#: Rough speed of the engine on ordinary source code; only the order and the size of batches hang on it.
_SECONDS_PER_FILE, _BYTES_PER_SECOND = 0.0025, 2_000_000
#: Files of so many bytes are read as a whole.
_SMALL = 1_000_000
#: What a file costs whose findings are in the cache.
_SECONDS_IF_KNOWN = 0.00025

#: A file, and how many seconds it costs.
_Priced = tuple[float, FileEntry]


def take(workspace: Path, root: str, limits: Limits, *, beat: Callable[[], None] = lambda: None) -> list[FileEntry]:
    """List the regular files below ``root`` that stock ScanCode would scan there, sorted by path.

    Links are not followed and nothing but regular files is opened. ``beat`` is called before each file, and may raise
    to end it. Raises LimitExceeded, and ArchiveRefused for a name
    that cannot be written in a report.
    """
    entries: list[FileEntry] = []
    size = 0
    for path in _walk(workspace, root, limits):
        beat()
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
    fd = os.open(f"{workspace}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb", buffering=0) as file:
        size = os.fstat(fd).st_size
        if size <= _SMALL:
            # At once: what reads in pieces first makes a buffer that is larger than most files.
            digest = hashlib.sha256(file.read(size))
        else:
            digest = hashlib.file_digest(file, "sha256")
        return FileEntry(path, size, digest.hexdigest())


def batches(files: Iterable[FileEntry], processes: int, known: Container[str] = ()) -> list[list[FileEntry]]:
    """Divide the files into batches of at most about BATCH_SECONDS, the costly first, for so many processes.

    A small scan becomes one batch for each process, or fewer. Of a large one, a file that costs more than a batch is
    one of its own, and at the end there are only batches of many cheap files, so that all processes are busy until
    shortly before the last one is done. ``known`` are the paths of files whose findings need not be looked for.
    """
    priced = [(_SECONDS_IF_KNOWN if file.path in known else cost(file), file) for file in files]
    priced.sort(key=lambda pair: (-pair[0], -pair[1].size, pair[1].path))
    dealt = _deal(priced, min(processes, int(_sum(priced) / LEAST_SECONDS)) or 1)
    return [[file for _, file in batch] for batch in (dealt if all(map(_fits, dealt)) else _cut(priced))]


def cost(file: FileEntry) -> float:
    """Return about how many seconds of one core a file takes to scan."""
    return _SECONDS_PER_FILE + file.size / _BYTES_PER_SECOND


def _deal(files: Sequence[_Priced], count: int) -> list[list[_Priced]]:
    """Deal the files out, each to the batch that costs least by then (Graham's LPT rule)."""
    batches: list[list[_Priced]] = [[] for _ in range(count)]
    costs = [(0.0, number) for number in range(count)]
    for file in files:
        seconds, number = costs[0]
        batches[number].append(file)
        heapq.heapreplace(costs, (seconds + file[0], number))
    return [batch for batch in batches if batch]


def _fits(batch: Sequence[_Priced]) -> bool:
    return len(batch) == 1 or _sum(batch) <= BATCH_SECONDS


def _sum(batch: Iterable[_Priced]) -> float:
    return sum(seconds for seconds, _ in batch)


def _cut(files: Iterable[_Priced]) -> list[list[_Priced]]:
    """Cut the sequence where a batch is full."""
    result: list[list[_Priced]] = []
    room = 0.0
    for file in files:
        if not result or file[0] > room:
            result.append([])
            room = BATCH_SECONDS
        result[-1].append(file)
        room -= file[0]
    return result
