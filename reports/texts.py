"""The texts of the scanned files, kept beside a report so that its pages can show what was found where.

build(workspace, folder / "report.sqlite", folder / "texts.sqlite")
with Texts(folder / "texts.sqlite") as texts:
    texts.lines("flask-3.1.0/LICENSE.txt")
    texts.passage("flask-3.1.0/LICENSE.txt", 4, 28)
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType

from isal import isal_zlib

from reports.store import Report
from reports.values import FileDetail
from reports.words import clean
from scanner.errors import EngineError

#: Larger files are seldom read by people; their findings are in the report.
LARGEST = 1_000_000  #: bytes
#: Of larger ones, what matched a licence is kept, up to this size.
LARGEST_READ = 50_000_000  #: bytes
#: Of all texts of a report together, compressed.
TOTAL = 200_000_000  #: bytes
_NO_NAMES = frozenset((b"", b".", b".."))
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def build(
    workspace: Path, report: Path, database: Path, *, whole: bool = True, beat: Callable[[], None] = lambda: None
) -> None:
    """Keep the texts of the files that ``report`` lists, read from ``workspace``.

    Of files that are too large, and of all where ``whole`` is false, only the lines that matched a licence are kept.
    Binary files and those beyond ``TOTAL`` are left out. So is whatever is not a regular file below
    the workspace: the report comes from a process that read a stranger's files, and its paths are taken for no more
    than claims. ``beat`` is called for each file, and may raise to end it.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection, Report(report) as source:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE text (path TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID")
        connection.execute("CREATE TABLE passage (path TEXT, first INTEGER, last INTEGER, data BLOB NOT NULL)")
        connection.execute("BEGIN")
        _keep(connection, workspace, source, whole, beat)
        connection.execute("CREATE INDEX passage_path ON passage (path, first, last)")
        connection.execute("COMMIT")


def _keep(
    connection: sqlite3.Connection, workspace: Path, report: Report, whole: bool, beat: Callable[[], None]
) -> None:
    total = 0
    kept: list[tuple[str, bytes]] | list[tuple[str, int, int, bytes]]
    with closing(_Files(workspace)) as files:
        for path, size in report.each_text():
            beat()
            if total > TOTAL:
                break
            if whole and size <= LARGEST:
                content = files.read(_stored_path(report, path), LARGEST)
                kept = [(path, isal_zlib.compress(content, 1))] if content is not None else []
                connection.executemany("INSERT OR IGNORE INTO text VALUES (?, ?)", kept)
            elif file := report.file(path):
                kept = list(_passages(files, file))
                connection.executemany("INSERT INTO passage VALUES (?, ?, ?, ?)", kept)
            total += sum(len(data) for *_, data in kept)


def _stored_path(report: Report, path: str) -> str:
    """Return the path of a file as it is in the workspace; only where the report's has a backslash may it differ."""
    file = report.file(path) if "\\" in path else None
    return file.stored_path if file else path


def _passages(files: _Files, file: FileDetail) -> Iterator[tuple[str, int, int, bytes]]:
    """Yield (path, first line, last line, compressed text) of what matched a licence in this very file."""
    matches = [*(match for detection in file.detections for match in detection.matches), *file.clues]
    places = {(match.start_line, match.end_line) for match in matches if match.path == file.row.path}
    content = files.read(file.stored_path, LARGEST_READ) if places else None
    lines = content.splitlines(keepends=True) if content else []
    for first, last in sorted(places):
        yield file.row.path, first, last, isal_zlib.compress(b"".join(lines[max(first - 1, 0) : last])[:LARGEST], 1)


class _Files:
    """The files below a folder, reached without following a link. Keeps the folders above the last one open."""

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, _FOLDER)
        self._open: list[tuple[bytes, int]] = []  #: names and descriptors, the highest first

    def read(self, path: str, most: int) -> bytes | None:
        """Return the content of a file, or None if it is no regular file or larger than ``most``."""
        whole = os.fsencode(path)
        parts = whole.split(b"/")
        if b"\0" in whole or not _NO_NAMES.isdisjoint(parts):
            return None
        try:
            folder = self._folder(parts[:-1])
            file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with os.fdopen(file, "rb", buffering=0) as stream:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode) or status.st_size > most:
                    return None
                return stream.read(status.st_size)
        except OSError:
            return None

    def _folder(self, names: list[bytes]) -> int:
        """Return the descriptor of a folder below the root."""
        shared = 0
        for (name, _), wanted in zip(self._open, names, strict=False):
            if name != wanted:
                break
            shared += 1
        self._close(shared)
        for name in names[shared:]:
            self._open.append((name, os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._lowest())))
        return self._lowest()

    def _lowest(self) -> int:
        return self._open[-1][1] if self._open else self._root

    def _close(self, kept: int) -> None:
        while len(self._open) > kept:
            os.close(self._open.pop()[1])

    def close(self) -> None:
        self._close(0)
        os.close(self._root)


class Texts:
    """The kept texts, opened read-only. To be used by one thread at a time and closed after use."""

    def __init__(self, database: Path) -> None:
        try:
            self._db = sqlite3.connect(database.resolve().as_uri() + "?mode=ro&immutable=1", uri=True)
        except sqlite3.Error as error:
            raise EngineError("The texts of this report cannot be opened.") from error

    def __enter__(self) -> Texts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def lines(self, path: str) -> list[str] | None:
        """Return the lines of a file, counted as ScanCode counts them; None if its text was not kept."""
        row = self._db.execute("SELECT data FROM text WHERE path = ?", (path,)).fetchone()
        return _lines(row[0]) if row else None

    def passage(self, path: str, first: int, last: int) -> list[str] | None:
        """Return these lines of a file, the first being 1, where a licence matched; None if they were not kept."""
        lines = self.lines(path)
        if lines is not None:
            return lines[max(first - 1, 0) : max(last, 0)]
        query = "SELECT data FROM passage WHERE path = ? AND first = ? AND last = ?"
        try:
            row = self._db.execute(query, (path, first, last)).fetchone()
        except sqlite3.OperationalError:
            # Kept before there were passages.
            return None
        return _lines(row[0]) if row else None


def _lines(packed: bytes) -> list[str]:
    # ScanCode splits bytes, not text: U+2028 and the like end no line.
    return [_decode(line) for line in isal_zlib.decompress(packed).splitlines()]


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return clean(line.decode("latin-1"))
