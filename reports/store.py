"""A finished report: made once, then only read.

    build(folder / "report.jsonl", folder / "report.sqlite", about={...})
    with Report(folder / "report.sqlite") as report:
        report.summary()

One file holds all of it, so that any number of site processes can read it without a lock, and formats are written
from it alone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from reports import attention, schema
from reports.builder import Builder
from reports.reader import Report
from reports.values import Filters
from scanner.errors import EngineError

__all__ = ["Filters", "Report", "build", "retell"]


def build(
    jsonl: Path,
    database: Path,
    *,
    about: dict[str, Any],
    layers: Mapping[str, int] | None = None,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Make the report's SQLite file from ScanCode's JSON Lines output.

    ``about`` is any JSON object, handed back as ``Report.about``. ``layers`` has, for a container image, the number of
    the layer that each file came with, by its path; what is inside an archive came with the archive. The file appears
    at ``database`` complete or not at all. Memory does not grow with the number of files, but for ``layers``; the
    longest line of ``jsonl`` has to fit. ``beat`` is called for each line, and may raise to end it.

    Raises EngineError when ``jsonl`` is not such output or the store cannot be written, OSError when files cannot.
    """
    unfinished = database.with_name(f".{database.name}.{secrets.token_hex(8)}")
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            _fill(connection, _lines(jsonl, beat), about, layers)
        with Report(unfinished) as report:
            found = attention.find(report)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            Builder(connection).put("attention", found)
        with unfinished.open("rb+") as stream:
            os.fsync(stream.fileno())
        unfinished.replace(database)
    except sqlite3.Error as error:
        raise EngineError("The report could not be stored.") from error
    finally:
        for path in (unfinished, unfinished.with_name(unfinished.name + "-journal")):
            path.unlink(missing_ok=True)


def retell(database: Path, copy: Path, *, about: dict[str, Any]) -> None:
    """Copy a report's SQLite file and let the copy say ``about`` of itself. Raises EngineError, OSError."""
    shutil.copyfile(database, copy)
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            Builder(connection).put("about", about)
    except sqlite3.Error as error:
        raise EngineError("The report could not be stored.") from error


def _fill(
    connection: sqlite3.Connection,
    lines: Iterable[bytes],
    about: dict[str, Any],
    layers: Mapping[str, int] | None,
) -> None:
    # Nobody reads the file before it is renamed, so a journal would protect nothing.
    connection.executescript("PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    connection.executescript("PRAGMA locking_mode = EXCLUSIVE;")
    connection.executescript(schema.TABLES)
    connection.execute("BEGIN")
    builder = Builder(connection, layers)
    builder.put("about", about)
    try:
        builder.read(lines)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EngineError("The scanner's report does not have the expected shape.") from error
    builder.finish()
    connection.execute("COMMIT")
    connection.executescript(f"ANALYZE; PRAGMA user_version = {schema.VERSION};")


def _lines(path: Path, beat: Callable[[], None]) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for line in stream:
            beat()
            yield line
