"""Reading a report's SQLite file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any

from reports import attention, details, needs
from reports.listing import ROW, Listing, page_bounds, to_row
from reports.needs import NeedGroup, PackageNeeds
from reports.rows import DETECTION, LICENSE, PACKAGE, Rows
from reports.schema import unpack, unpack_clean
from reports.values import (
    Attention,
    Clarity,
    Counts,
    Dependency,
    Detection,
    DetectionDetail,
    Expression,
    FileDetail,
    FileErrors,
    FileList,
    FileRow,
    Filters,
    Folder,
    Header,
    License,
    LicenseText,
    Package,
    Page,
    Place,
    Rule,
    Share,
    Summary,
    Tally,
)
from reports.words import clean, clean_deep, license_keys, to_spdx

_DATA = "SELECT data FROM file JOIN file_data USING (item) WHERE file.id = ?"


class Report(Rows):
    """A finished report, opened read-only. To be used by one thread at a time and closed after use.

    Opening takes well under a millisecond. What does not exist is None (``file``, ``folder``, ``detection``,
    ``package``, ``rule``, ``license``) or an empty page.
    Raises EngineError when the file is missing or not a report that this version can read.
    """

    def __init__(self, database: Path) -> None:
        super().__init__(database)
        self._listing = Listing(self._db)

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What the report is about.

    @cached_property
    def about(self) -> dict[str, Any]:
        """What ``build`` was given."""
        return dict(clean_deep(self._meta("about") or {}))

    @cached_property
    def header(self) -> Header:
        """How the scan was made."""
        return details.to_header(clean_deep((self._meta("headers") or [{}])[0]))

    @cached_property
    def counts(self) -> Counts:
        """Totals of the report."""
        return Counts(**self._meta("counts"))

    def tallies(self) -> dict[str, tuple[Tally, ...]]:
        """Return ScanCode's own tallies: by "detected_license_expression", "copyrights", "holders", …"""
        found = clean_deep(self._meta("tallies") or {})
        return {name: _tallies(values) for name, values in found.items()}

    def summary(self) -> Summary:
        """Return ScanCode's summary, with the files that state the declared licence."""
        found = clean_deep(self._meta("summary") or {})
        clarity = dict(found.get("license_clarity_score") or {})
        score = clarity.pop("score", None)
        query = """
            SELECT path, spdx FROM term JOIN file_term ON term = term.id JOIN file ON file.id = file
            WHERE kind = 'flag' AND value = 'key' AND spdx IS NOT NULL ORDER BY file.id LIMIT 20
        """
        return Summary(
            declared=self.expression(found.get("declared_license_expression")),
            clarity=None if score is None else Clarity(score, {name: bool(value) for name, value in clarity.items()}),
            primary_language=found.get("primary_language") or "",
            holder=found.get("declared_holder") or "",
            other_licenses=_tallies(found.get("other_license_expressions")),
            other_holders=_tallies(found.get("other_holders")),
            other_languages=_tallies(found.get("other_languages")),
            key_files=tuple(self._db.execute(query)),
        )

    def to_look_at(self) -> tuple[Attention, ...]:
        """Return what is worth a look, what asks most of the reader first; empty if there is nothing."""
        return attention.load(self._meta("attention"))

    # Licences, holders, languages.

    def licenses(self) -> tuple[License, ...]:
        """Return the licences that were detected in files, most frequent first."""
        query = LICENSE + "WHERE term.files > 0 ORDER BY term.files DESC, key"
        return tuple(details.to_license(row) for row in self._db.execute(query))

    def license(self, key: str) -> LicenseText | None:
        """Return a licence with its text."""
        row = self._db.execute("SELECT data FROM license WHERE key = ?", (clean(key),)).fetchone()
        found = self._licenses([key])
        return details.to_license_text(found[0], unpack_clean(row[0])) if row else None

    def expression(self, expression: str | None) -> Expression | None:
        """Return an expression with SPDX form and licences; None for none."""
        if not expression:
            return None
        licenses = self._licenses(license_keys(expression))
        spdx = to_spdx(expression, {license.key: license.spdx for license in licenses})
        return Expression(expression, spdx or expression, tuple(licenses))

    def _licenses(self, keys: list[str]) -> list[License]:
        """Return these licences in this order; an unheard-of key becomes one of category "Unknown"."""
        query = LICENSE + "WHERE key IN (SELECT value FROM json_each(?))"  # noqa: S608
        found = {row[0]: details.to_license(row) for row in self._db.execute(query, (json.dumps(keys),))}
        unknown = (License(key, f"LicenseRef-scancode-{key}", key, "Unknown", False, True, 0) for key in keys)
        return [found.get(license.key, license) for license in unknown]

    def categories(self) -> tuple[Share, ...]:
        """Return the licence categories and the number of files of each, most frequent first."""
        return self._shares("category", 100)

    def holders(self, limit: int = 50) -> tuple[Share, ...]:
        """Return copyright holders and the number of files that name them, most frequent first; all with -1."""
        return self._shares("holder", limit)

    def holders_page(self, page: int = 1, per_page: int = 100) -> Page[Share]:
        """Return a page of all copyright holders, most frequent first."""
        page, per_page = page_bounds(page, per_page)
        items = self._shares("holder", per_page, (page - 1) * per_page)
        return Page(items, self.counts.holders, page, per_page)

    def authors(self, limit: int = 50) -> tuple[Share, ...]:
        """Return authors, like ``holders``."""
        return self._shares("author", limit)

    def copyrights(self, limit: int = 50) -> tuple[Share, ...]:
        """Return copyright statements, like ``holders``."""
        return self._shares("copyright", limit)

    def languages(self) -> tuple[Share, ...]:
        """Return programming languages and the number of files in each, most frequent first."""
        return self._shares("language", 1_000)

    def _shares(self, kind: str, limit: int, offset: int = 0) -> tuple[Share, ...]:
        query = "SELECT value, files FROM term WHERE kind = ? ORDER BY files DESC, value LIMIT ? OFFSET ?"
        return tuple(Share(*row) for row in self._db.execute(query, (kind, limit, offset)))

    # Detections and rules.

    def detections(self, page: int = 1, per_page: int = 100) -> Page[Detection]:
        """Return the unique detections, most frequent first."""
        page, per_page = page_bounds(page, per_page)
        query = DETECTION + "ORDER BY count DESC, expression, identifier LIMIT ? OFFSET ?"
        rows = self._db.execute(query, (per_page, (page - 1) * per_page))
        return Page(tuple(details.to_detection(row) for row in rows), self.counts.detections, page, per_page)

    def detection(self, identifier: str, page: int = 1, per_page: int = 50) -> DetectionDetail | None:
        """Return a unique detection with its matches and a page of its places, in the order of the tree."""
        page, per_page = page_bounds(page, per_page)
        row = self._db.execute(DETECTION + "WHERE identifier = ?", (clean(identifier),)).fetchone()
        if row is None:
            return None
        data = unpack_clean(row[-1])
        matches = tuple(details.to_match(match) for match in data.get("reference_matches") or ())
        total = self._db.execute("SELECT count(*) FROM place WHERE detection = ?", (row[0],)).fetchone()[0]
        return DetectionDetail(
            details.to_detection(row),
            matches,
            tuple(data.get("detection_log") or ()),
            Page(tuple(self._places(row[0], page, per_page)), total, page, per_page),
        )

    def _places(self, identifier: str, page: int, per_page: int) -> Iterator[Place]:
        query = """
            SELECT file, number, in_package, start_line, end_line, score FROM place
            WHERE detection = ? ORDER BY id LIMIT ? OFFSET ?
        """
        rows = self._db.execute(query, (identifier, per_page, (page - 1) * per_page)).fetchall()
        # In the order of the tree, as places are; a file may have thousands of them.
        query = """
            SELECT path, data FROM file JOIN file_data USING (item)
            WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id
        """
        files = self._db.execute(query, (json.dumps([row[0] for row in rows]),))
        for (_, places), (path, data) in zip(groupby(rows, key=itemgetter(0)), files, strict=True):
            detections = [detection for detection, _ in details.detections_of(unpack_clean(data))]
            for _, number, in_package, start, end, score in places:
                found = tuple(map(details.to_match, detections[number]["matches"]))
                yield Place(path, bool(in_package), start, end, score, found)

    def rule(self, identifier: str) -> Rule | None:
        """Return a rule that matched, with its text."""
        row = self._db.execute("SELECT data FROM rule WHERE identifier = ?", (clean(identifier),)).fetchone()
        return details.to_rule(unpack_clean(row[0])) if row else None

    # Packages.

    def packages(self, page: int = 1, per_page: int = 100) -> Page[Package]:
        """Return the packages, in ScanCode's order."""
        page, per_page = page_bounds(page, per_page)
        query = PACKAGE + "ORDER BY package.id LIMIT ? OFFSET ?"
        rows = self._db.execute(query, (per_page, (page - 1) * per_page))
        return Page(tuple(details.to_package(*row) for row in rows), self.counts.packages, page, per_page)

    def package(self, uid: str) -> Package | None:
        """Return a package."""
        row = self._db.execute(PACKAGE + "WHERE uid = ?", (clean(uid),)).fetchone()
        return details.to_package(*row) if row else None

    def dependencies(self, package: str | None = "", page: int = 1, per_page: int = 100) -> Page[Dependency]:
        """Return what a package (its uid) needs; with None what no package claims; with "" all dependencies."""
        page, per_page = page_bounds(page, per_page)
        where, values = ("", ()) if package == "" else ("WHERE package IS ? ", (package and clean(package),))
        total = self._db.execute(f"SELECT count(*) FROM dependency {where}", values).fetchone()[0]  # noqa: S608
        query = f"SELECT package, data FROM dependency {where}ORDER BY id LIMIT ? OFFSET ?"  # noqa: S608
        rows = self._db.execute(query, (*values, per_page, (page - 1) * per_page))
        items = tuple(details.to_dependency(uid, unpack_clean(data)) for uid, data in rows)
        return Page(items, total, page, per_page)

    def needs(self, page: int = 1, per_page: int = 10) -> Page[PackageNeeds]:
        """Return the packages that need something, in ScanCode's order, each with the first of what it needs."""
        return needs.trees(self._db, *page_bounds(page, per_page))

    def found_here(self, groups: Iterable[NeedGroup]) -> dict[str, str]:
        """Return which of the packages that are needed are packages of this very report: purl → uid."""
        return needs.found_here(self._db, groups)

    # Files.

    def files(self, filters: Filters = Filters(), page: int = 1, per_page: int = 50) -> FileList:  # noqa: B008
        """Return a page of the files that pass ``filters``, in the order of the tree, with facets."""
        return self._listing.files(filters, page, per_page)

    def folder(self, path: str = "", page: int = 1, per_page: int = 200) -> Folder | None:
        """Return a folder, with "" the root, and a page of what is directly in it: folders first, then by name."""
        page, per_page = page_bounds(page, per_page)
        row = self._row(path)
        if row is None or row.is_file:
            return None
        query = ROW + "WHERE parent = ? ORDER BY is_file, name COLLATE NOCASE, name LIMIT ? OFFSET ?"
        rows = self._db.execute(query, (row.id, per_page, (page - 1) * per_page)).fetchall()
        total = self._db.execute("SELECT count(*) FROM file WHERE parent = ?", (row.id,)).fetchone()[0]
        children = tuple(self._with_totals([to_row(child) for child in rows]))
        return Folder(next(self._with_totals([row])), self._parents(row.id), Page(children, total, page, per_page))

    def file(self, path: str) -> FileDetail | None:
        """Return everything that is known of a file; None for a folder too."""
        row = self._row(path)
        if row is None or not row.is_file:
            return None
        data = self._db.execute(_DATA, (row.id,)).fetchone()[0]
        query = "SELECT value FROM term JOIN file_term ON term = term.id WHERE file = ? AND kind = 'layer'"
        layer = self._db.execute(query, (row.id,)).fetchone()
        return details.to_file(row, self._parents(row.id), data, int(layer[0]) if layer else None)

    def errors(self, page: int = 1, per_page: int = 50) -> Page[FileErrors]:
        """Return the files that could not be scanned in full, with their errors, in the order of the tree."""
        page, per_page = page_bounds(page, per_page)
        found, total = self._listing.page(Filters(has_error=True), page, per_page)
        query = """
            SELECT path, data FROM file JOIN file_data USING (item)
            WHERE file.id IN (SELECT value FROM json_each(?)) ORDER BY file.id
        """
        rows = self._db.execute(query, (json.dumps(found),))
        items = tuple(FileErrors(path, tuple(unpack_clean(data)["scan_errors"])) for path, data in rows)
        return Page(items, total, page, per_page)

    def _row(self, path: str) -> FileRow | None:
        where, values = ("path = ? LIMIT 1", (clean(path).rstrip("/"),)) if path else ("id = 1", ())
        row = self._db.execute(ROW + "WHERE " + where, values).fetchone()
        return to_row(row) if row else None

    def _parents(self, number: int) -> tuple[tuple[str, str], ...]:
        query = """
            WITH RECURSIVE above (id, parent, name, path) AS (
              SELECT id, parent, name, path FROM file WHERE id = ?
              UNION ALL
              SELECT file.id, file.parent, file.name, file.path FROM above JOIN file ON file.id = above.parent
            ) SELECT name, path FROM above WHERE id != ? ORDER BY id
        """
        return tuple(self._db.execute(query, (number, number)))

    def _with_totals(self, rows: list[FileRow]) -> Iterator[FileRow]:
        numbers = json.dumps([row.id for row in rows if not row.is_file])
        query = "SELECT id, totals FROM file WHERE id IN (SELECT value FROM json_each(?))"
        totals = dict(self._db.execute(query, (numbers,)))
        for row in rows:
            yield row if row.is_file else details.add_totals(row, unpack(totals[row.id]))


def _tallies(values: Any) -> tuple[Tally, ...]:
    return tuple(Tally(item.get("value"), item["count"]) for item in values or ())
