"""Lists of files: filters, search and facets.

A filter is a set of file numbers; sets are intersected as bits (``reports.bitmaps``), whatever the order of the
filters. Only the rows of the page that is shown are read.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from reports import bitmaps
from reports.values import FileList, FileRow, Filters, Page, Share
from reports.words import clean

FACETS = ("license", "category", "holder", "package", "language", "layer")
#: Values shown of each kind.
_SHOWN = 30
#: Up to so many files are counted row by row, exactly. Beyond that, only the values that are the most frequent in the
#: whole report are counted: a value outside these could be missing from the facets, but no count is ever wrong.
_COUNTED_BY_ROW = 2_000
_COUNTED_BY_BITMAP = 200
#: Trigrams find nothing shorter.
_SHORTEST_INDEXED = 3
_LONGEST_SEARCH = 200

ROW = """SELECT file.id, path, name, is_file, size, language, expression, spdx, categories, errors, files, folders
         FROM file """


def to_row(row: tuple[Any, ...]) -> FileRow:
    """Make a file's row from the columns of ``ROW``."""
    number, path, name, is_file, size, language, expression, spdx, categories, errors, files, folders = row
    listed = tuple(json.loads(categories))
    return FileRow(number, path, name, bool(is_file), size, language, expression, spdx, listed, errors, files, folders)


def page_bounds(page: int, per_page: int) -> tuple[int, int]:
    """Return page number and size within sense: from page 1, of 1 to 500 items."""
    return min(max(1, page), 1_000_000), min(max(1, per_page), 500)


class Listing:
    """Answers ``Report.files``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def files(self, filters: Filters, page: int, per_page: int) -> FileList:
        """Return a page of the files that pass, with facets."""
        page, per_page = page_bounds(page, per_page)
        passing = self.matching(filters)
        found = bitmaps.numbers(passing, (page - 1) * per_page, per_page)
        return FileList(
            Page(self.rows(found), passing.bit_count(), page, per_page),
            self._facets(passing) if filters else self._all_facets(),
            failed=(passing & self._term("flag", "error")).bit_count(),
            unlicensed=(passing & self._term("flag", "unlicensed")).bit_count(),
        )

    def page(self, filters: Filters, page: int, per_page: int) -> tuple[list[int], int]:
        """Return the numbers of a page of the files that pass, and how many pass in all."""
        passing = self.matching(filters)
        return bitmaps.numbers(passing, (page - 1) * per_page, per_page), passing.bit_count()

    def rows(self, numbers: Iterable[int]) -> tuple[FileRow, ...]:
        """Return the rows of these files, in the order of the tree."""
        query = ROW + "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608
        return tuple(to_row(row) for row in self._db.execute(query, (json.dumps(list(numbers)),)))

    def matching(self, filters: Filters) -> int:
        """Return the set of the files that pass."""
        passing = self._term("flag", "file")
        for kind in FACETS:
            value = getattr(filters, kind)
            if value:
                passing &= self._term(kind, value)
        if filters.has_error:
            passing &= self._term("flag", "error")
        if filters.no_license:
            passing &= self._term("flag", "unlicensed")
        if filters.folder:
            passing &= self._folder(filters.folder)
        if filters.path.strip():
            passing &= self._search_paths(filters.path)
        if filters.text.strip():
            passing &= self._search_findings(filters.text)
        return passing

    def _term(self, kind: str, value: str) -> int:
        row = self._db.execute("SELECT bitmap FROM term WHERE kind = ? AND value = ?", (kind, clean(value))).fetchone()
        return bitmaps.load(row[0]) if row else 0

    def _folder(self, path: str) -> int:
        query = "SELECT id, last FROM file WHERE path = ? AND NOT is_file"
        row = self._db.execute(query, (clean(path).rstrip("/"),)).fetchone()
        return bitmaps.from_range(*row) if row else 0

    def _search_paths(self, text: str) -> int:
        text = clean(text).strip()[:_LONGEST_SEARCH]
        if len(text) >= _SHORTEST_INDEXED:
            return self._set("SELECT rowid AS file FROM path_text WHERE path_text MATCH ?", _phrase(text))
        return self._set("SELECT id AS file FROM file WHERE path LIKE ? ESCAPE '\\'", _like(text))

    def _search_findings(self, text: str) -> int:
        text = clean(text).strip()[:_LONGEST_SEARCH]
        if len(text) >= _SHORTEST_INDEXED:
            terms, value = "SELECT rowid FROM term_text WHERE term_text MATCH ?", _phrase(text)
        else:
            kinds = "('package', 'flag', 'category')"
            terms = f"SELECT id FROM term WHERE value LIKE ? ESCAPE '\\' AND kind NOT IN {kinds}"  # noqa: S608
            value = _like(text)
        return self._set(f"SELECT file FROM file_term WHERE term IN ({terms})", value)  # noqa: S608

    def _set(self, query: str, value: str) -> int:
        # As one JSON array: fetching 100,000 rows one by one takes three times as long.
        text = self._db.execute(f"SELECT json_group_array(file) FROM ({query})", (value,)).fetchone()[0]  # noqa: S608
        found = json.loads(text)
        return bitmaps.from_numbers(found, max(found, default=0))

    def _all_facets(self) -> dict[str, tuple[Share, ...]]:
        query = "SELECT value, files FROM term WHERE kind = ? ORDER BY files DESC, value LIMIT ?"
        return {kind: tuple(Share(*row) for row in self._db.execute(query, (kind, _SHOWN))) for kind in FACETS}

    def _facets(self, passing: int) -> dict[str, tuple[Share, ...]]:
        counts = self._count_rows(passing) if passing.bit_count() <= _COUNTED_BY_ROW else self._count_bitmaps(passing)
        facets = {}
        for kind in FACETS:
            shares = sorted(counts[kind], key=lambda share: (-share.files, share.value))
            facets[kind] = tuple(shares[:_SHOWN])
        return facets

    def _count_rows(self, passing: int) -> dict[str, list[Share]]:
        query = """
            SELECT term.kind, term.value, found.files FROM (
              SELECT term, count(*) AS files FROM json_each(?) JOIN file_term ON file = json_each.value GROUP BY term
            ) AS found JOIN term ON term.id = found.term
        """
        counts: dict[str, list[Share]] = defaultdict(list)
        for kind, value, files in self._db.execute(query, (json.dumps(bitmaps.numbers(passing)),)):
            counts[kind].append(Share(value, files))
        return counts

    def _count_bitmaps(self, passing: int) -> dict[str, list[Share]]:
        query = "SELECT value, bitmap FROM term WHERE kind = ? ORDER BY files DESC, value LIMIT ?"
        counts: dict[str, list[Share]] = defaultdict(list)
        for kind in FACETS:
            for value, bitmap in self._db.execute(query, (kind, _COUNTED_BY_BITMAP)):
                files = (passing & bitmaps.load(bitmap)).bit_count()
                if files:
                    counts[kind].append(Share(value, files))
        return counts


def _phrase(text: str) -> str:
    """Quote a text for FTS5, so that nothing in it is an operator."""
    return '"' + text.replace('"', '""') + '"'


def _like(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
