"""The texts of the scanned files, kept beside a report so that its pages can show what was found where.

build(workspace, folder / "report.sqlite", folder / "texts.sqlite")
with Texts(folder / "texts.sqlite") as texts:
    texts.lines("flask-3.1.0/LICENSE.txt")
"""

from __future__ import annotations

import os
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType

from reports.store import Report
from reports.words import clean
from scanner.errors import EngineError

#: Larger files are seldom read by people; their findings are in the report.
LARGEST = 1_000_000  #: bytes
#: Of all texts of a report together, compressed.
TOTAL = 200_000_000  #: bytes
_BATCH = 500


def build(workspace: Path, report: Path, database: Path, *, beat: Callable[[], None] = lambda: None) -> None:
    """Keep the texts of the files that ``report`` lists, read from ``workspace``.

    Binary files, large ones, and those beyond ``TOTAL`` are left out. So is whatever is not a regular file below
    the workspace: the report comes from a process that read a stranger's files, and its paths are taken for no more
    than claims. ``beat`` is called for each file, and may raise to end it.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection, Report(report) as source:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE text (path TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID")
        connection.execute("BEGIN")
        connection.executemany("INSERT OR IGNORE INTO text VALUES (?, ?)", _texts(workspace, source, beat))
        connection.execute("COMMIT")


def _texts(workspace: Path, report: Report, beat: Callable[[], None]) -> Iterator[tuple[str, bytes]]:
    total = 0
    root = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for file in report.each_file():
            beat()
            if file.data.get("is_binary") or file.row.size > LARGEST or total > TOTAL:
                continue
            content = _read(root, file.stored_path)
            if content is not None:
                packed = zlib.compress(content, 3)
                total += len(packed)
                yield file.row.path, packed
    finally:
        os.close(root)


def _read(root: int, path: str) -> bytes | None:
    """Return the content of a file below the folder ``root``, or None if it is no such file or too large."""
    parts = os.fsencode(path).split(b"/")
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        return None
    opened = []
    folder = root
    try:
        for part in parts[:-1]:
            folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            opened.append(folder)
        file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        opened.append(file)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        with os.fdopen(os.dup(file), "rb") as stream:
            content = stream.read(LARGEST + 1)
        return content if len(content) <= LARGEST else None
    except OSError:
        return None
    finally:
        for descriptor in opened:
            os.close(descriptor)


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
        if row is None:
            return None
        # ScanCode splits bytes, not text: U+2028 and the like end no line.
        return [_decode(line) for line in zlib.decompress(row[0]).splitlines()]


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return clean(line.decode("latin-1"))
