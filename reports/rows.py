"""A report's rows: the store opened, and all of it read from one end to the other, for the formats."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isal import isal_zlib

from reports import details, schema
from reports.listing import ROW, to_row
from reports.schema import unpack, unpack_clean
from reports.values import Dependency, Detection, FileDetail, FileErrors, FileRow, License, Package
from scanner.errors import EngineError

LICENSE = """
    SELECT key, spdx, name, category, is_exception, is_unknown, coalesce(term.files, 0) FROM license
    LEFT JOIN term ON term.kind = 'license' AND term.value = license.key
"""
_ALL_FILES = ROW.replace("FROM", ", data FROM") + "JOIN file_data USING (item) WHERE is_file ORDER BY file.id"
DETECTION = "SELECT identifier, expression, spdx, categories, count, data FROM detection "
PACKAGE = """
    SELECT uid, dependencies, detected, data, coalesce(term.files, 0) FROM package
    LEFT JOIN term ON term.kind = 'package' AND term.value = package.uid
"""
#: Parts of ScanCode's output that have a table of their own.
_STOCK_TABLES = {
    "packages": "package",
    "dependencies": "dependency",
    "license_detections": "detection",
    "license_references": "license",
    "license_rule_references": "rule",
}


class Rows:
    """The store, opened read-only. Numbers are those of the tables and stable within a report."""

    def __init__(self, database: Path) -> None:
        # Nobody ever writes to a finished report, so SQLite needs no locks and may run on a read-only disk.
        address = database.resolve().as_uri() + "?mode=ro&immutable=1"
        try:
            self._db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise EngineError("The report cannot be opened.") from error
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            self.close()
            raise EngineError("The report cannot be read.") from error
        if version != schema.VERSION:
            self.close()
            raise EngineError("The report was made by another version of this site.")

    def close(self) -> None:
        self._db.close()

    def _meta(self, name: str) -> Any:
        row = self._db.execute("SELECT data FROM meta WHERE name = ?", (name,)).fetchone()
        return unpack(row[0]) if row else None

    # The stock output, for the formats.

    def stock(self, name: str) -> Any:
        """Return a part of ScanCode's own output exactly as it was: "headers", "summary", "packages", …; not "files".

        A part that ScanCode left out, as it does with empty ones in JSON Lines, is None.
        """
        table = _STOCK_TABLES.get(name)
        if table is None:
            return self._meta(name)
        rows = self._db.execute(f"SELECT data FROM {table} ORDER BY id")  # noqa: S608
        return [unpack(row[0]) for row in rows] or None

    def stock_files(self) -> Iterator[bytes]:
        """Yield ScanCode's "files" items, folders too, as the JSON that they were; texts may hold lone surrogates."""
        for (data,) in self._db.execute("SELECT data FROM file_data ORDER BY item"):
            yield isal_zlib.decompress(data)

    # All of it, row by row, for the formats.

    @property
    def root(self) -> str:
        """The path of the scanned folder or file."""
        row = self._db.execute("SELECT path FROM file WHERE id = 1").fetchone()
        return row[0] if row else ""

    def each_file(self) -> Iterator[FileDetail]:
        """Yield all files, folders left out, in the order of the tree. Their ``parents`` are left empty."""
        query = _ALL_FILES
        for *row, data in self._db.execute(query):
            yield details.to_file(to_row(tuple(row)), (), data)

    def each_row(self) -> Iterator[FileRow]:
        """Yield the rows of all files, folders left out, in the order of the tree."""
        yield from map(to_row, self._db.execute(ROW + "WHERE is_file ORDER BY id"))

    def each_text(self) -> Iterator[tuple[str, int]]:
        """Yield (path, size) of all files that are not binary, in the order of the tree."""
        query = """
            SELECT path, size FROM file WHERE is_file AND id NOT IN (
              SELECT file FROM file_term JOIN term ON term.id = term WHERE kind = 'flag' AND value = 'binary'
            ) ORDER BY id
        """
        yield from self._db.execute(query)

    def each_error(self) -> Iterator[FileErrors]:
        """Yield all files with errors."""
        query = """
            SELECT path, data FROM term JOIN file_term ON term = term.id JOIN file ON file.id = file
            JOIN file_data USING (item) WHERE kind = 'flag' AND value = 'error' ORDER BY file.id
        """
        for path, data in self._db.execute(query):
            yield FileErrors(path, tuple(unpack_clean(data)["scan_errors"]))

    def file_numbers(self) -> Iterator[int]:
        """Yield the numbers of all files: the ``row.id`` of each."""
        for (number,) in self._db.execute("SELECT id FROM file WHERE is_file ORDER BY id"):
            yield number

    def expressions(self, package: str = "") -> Iterator[tuple[str, int]]:
        """Yield (SPDX expression, files) of all expressions detected in files (of a package), by expression."""
        query = "SELECT spdx, count(*) FROM file WHERE spdx IS NOT NULL {} GROUP BY spdx ORDER BY 1"
        yield from self._of_package(query, package)

    def digests(self, package: str = "") -> Iterator[tuple[str | None, int]]:
        """Yield (SHA-1, size) of all files (of a package); ScanCode states no SHA-1 of empty files."""
        yield from self._of_package("SELECT sha1, size FROM file WHERE is_file {}", package)

    def _of_package(self, query: str, package: str) -> sqlite3.Cursor:
        if not package:
            return self._db.execute(query.format(""))
        files = "SELECT file FROM term JOIN file_term ON term = term.id WHERE kind = 'package' AND value = ?"
        return self._db.execute(query.format(f"AND id IN ({files})"), (package,))

    def each_detection(self) -> Iterator[Detection]:
        """Yield all unique detections, most frequent first."""
        query = DETECTION + "ORDER BY count DESC, expression, identifier"
        yield from map(details.to_detection, self._db.execute(query))

    def each_package(self) -> Iterator[tuple[int, Package]]:
        """Yield (number, package) of all packages."""
        for number, *row in self._db.execute(PACKAGE.replace("SELECT", "SELECT package.id,", 1) + "ORDER BY 1"):
            yield number, details.to_package(*row)

    def each_needed(self) -> Iterator[tuple[int, Dependency]]:
        """Yield (number, dependency) of all dependencies, each purl once."""
        query = """
            SELECT id, package, data FROM dependency
            WHERE id = (SELECT min(id) FROM dependency AS other WHERE other.purl = dependency.purl) ORDER BY id
        """
        for number, package, data in self._db.execute(query):
            yield number, details.to_dependency(package, unpack_clean(data))

    def each_need(self) -> Iterator[tuple[int | None, int, Dependency]]:
        """Yield (package, needed, dependency) of all dependencies: numbers as in the two methods above.

        The package is None where no package of the report claims the dependency.
        """
        query = """
            SELECT package.id, (SELECT min(id) FROM dependency AS other WHERE other.purl = dependency.purl),
              dependency.package, dependency.data
            FROM dependency LEFT JOIN package ON package.uid = dependency.package ORDER BY package.id, dependency.id
        """
        for number, needed, package, data in self._db.execute(query):
            yield number, needed, details.to_dependency(package, unpack_clean(data))

    def files_of_packages(self) -> Iterator[tuple[int, int]]:
        """Yield (number of a package, number of a file of it), by package."""
        query = """
            SELECT package.id, file_term.file FROM package
            JOIN term ON term.kind = 'package' AND term.value = package.uid
            JOIN file_term ON file_term.term = term.id ORDER BY 1, 2
        """
        yield from self._db.execute(query)

    def copyrights_by_license(self) -> Iterator[tuple[str, str]]:
        """Yield (SPDX expression or "", copyright statement), each pair once, by expression."""
        query = """
            SELECT DISTINCT coalesce(file.spdx, ''), term.value FROM term
            JOIN file_term ON file_term.term = term.id JOIN file ON file.id = file_term.file
            WHERE term.kind = 'copyright' ORDER BY 1 = '', 1, 2
        """
        yield from self._db.execute(query)

    def spdx_ids(self) -> dict[str, License]:
        """Return all licences that the report names anywhere, by SPDX id."""
        return {row[1]: details.to_license(row) for row in self._db.execute(LICENSE + "ORDER BY key DESC")}
