"""Lines of ScanCode's JSON Lines → rows of a report's tables."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reports import bitmaps, schema
from reports.details import detections_of
from reports.schema import pack, pack_text, read_clean, unpack_clean
from reports.words import by_weight, clean, license_keys, to_spdx
from scanner.errors import EngineError
from scanner.stock_json import FILE, FILE_END

#: Kinds of terms that files can be filtered by.
FILTER_KINDS = ("license", "category", "holder", "package", "language", "layer", "flag")
#: Different expressions of one package's files that are kept: more than any real package has.
_EXPRESSIONS = 1_000
#: How the item of a file begins.
_PATH = b'{"path":"'
_FILE = FILE + _PATH
_DECODER = json.JSONDecoder()
#: How many terms are remembered with their numbers; others are looked up.
_TERMS_REMEMBERED = 50_000
#: How many folders are remembered with their keys: ScanCode lists one after the other.
_FOLDERS_REMEMBERED = 1_000
#: Bytes of files' texts that are held until they are read; others are unpacked again.
_HELD = 64_000_000


_INSERT_FILE = """
    INSERT INTO file (id, item, parent, last, is_file, path, name, size, sha1, language, expression, spdx,
        categories, errors, files, folders)
    VALUES (:id, :item, :parent, :last, :is_file, :path, :name, :size, :sha1, :language, :expression, :spdx,
        :categories, :errors, 0, 0)
"""


@dataclass
class _Folder:
    """A folder whose files are being read."""

    id: int
    key: bytes  #: which begins those of all that is in it
    files: int = 0
    folders: int = 0
    size: int = 0
    errors: int = 0
    unlicensed: int = 0
    licenses: Counter[str] = field(default_factory=Counter)

    def add(self, other: _Folder) -> None:
        self.files += other.files
        self.folders += other.folders
        self.size += other.size
        self.errors += other.errors
        self.unlicensed += other.unlicensed
        self.licenses.update(other.licenses)


class Builder:
    """Fills the tables, line by line; what it holds in memory is bounded, however many files there are."""

    def __init__(self, connection: sqlite3.Connection, layers: Mapping[str, int] | None = None) -> None:
        self._db = connection
        self._layers = layers or {}
        self._terms: dict[tuple[str, str], int] = {}
        self._spdx: dict[str, str] = {}
        self._categories: dict[str, str] = {}
        self._open: list[_Folder] = []
        self._root: list[str] | None = None
        self._folder_keys: dict[str, bytes] = {}
        self._items = 0
        self._texts: dict[int, bytes] = {}
        self._room = _HELD
        self._counts: Counter[str] = Counter()
        self._readers: dict[str, Callable[[list[Any]], None]] = {
            "license_references": self._read_licenses,
            "license_rule_references": self._read_rules,
            "license_detections": self._read_detections,
            "packages": self._read_packages,
            "dependencies": self._read_dependencies,
            "files": self._read_files,
        }

    def read(self, lines: Iterable[bytes]) -> None:
        """Read all lines of a report. Raise EngineError where one is not what ScanCode writes."""
        for number, line in enumerate(lines, 1):
            if line.startswith(_FILE) and line.endswith(FILE_END) and line.isascii():
                self._read_file(line[len(FILE) : -len(FILE_END)])
                continue
            try:
                value = json.loads(line)
            except ValueError as error:
                raise EngineError(f"Line {number} of the scanner's report cannot be read.") from error
            if not isinstance(value, dict):
                raise EngineError(f"Line {number} of the scanner's report is not an object.")
            for name, part in value.items():
                reader = self._readers.get(name)
                if reader:
                    reader(part)
                else:
                    self.put(name, part)
        self._add_files()

    def put(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, pack(value)))

    def _read_licenses(self, items: list[Any]) -> None:
        for item in items:
            key = clean(item["key"])
            self._spdx[key] = spdx = item.get("spdx_license_key") or f"LicenseRef-scancode-{key}"
            self._categories[key] = category = item.get("category") or "Unknown"
            name = item.get("name") or item.get("short_name") or key
            flags = (bool(item.get("is_exception")), bool(item.get("is_unknown")))
            self._db.execute(
                "INSERT INTO license VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                (key, spdx, clean(name), category, *flags, pack(item)),
            )

    def _read_rules(self, items: list[Any]) -> None:
        rows = ((clean(item["identifier"]), pack(item)) for item in items)
        self._db.executemany("INSERT INTO rule VALUES (NULL, ?, ?)", rows)

    def _read_detections(self, items: list[Any]) -> None:
        for item in items:
            expression = clean(item["license_expression"])
            row = (clean(item["identifier"]), expression, clean(item["license_expression_spdx"]))
            self._db.execute(
                "INSERT INTO detection VALUES (NULL, ?, ?, ?, '[]', ?, ?)", (*row, item["detection_count"], pack(item))
            )
            self._counts["detections"] += 1

    def _read_packages(self, items: list[Any]) -> None:
        for item in items:
            self._db.execute("INSERT INTO package (uid, data) VALUES (?, ?)", (clean(item["package_uid"]), pack(item)))
            self._counts["packages"] += 1

    def _read_dependencies(self, items: list[Any]) -> None:
        for item in items:
            package = item.get("for_package_uid")
            row = (clean(package) if package else None, clean(item.get("purl") or ""), pack(item))
            self._db.execute("INSERT INTO dependency VALUES (NULL, ?, ?, ?)", row)
            self._counts["dependencies"] += 1

    def _read_files(self, items: list[Any]) -> None:
        for item in items:
            self._keep_file(item["path"], pack(item))

    def _read_file(self, text: bytes) -> None:
        """Read a file as ScanCode writes it, without taking apart what is taken apart when it has its number."""
        path, _ = _DECODER.raw_decode(text.decode("ascii"), len(_PATH) - 1)
        self._keep_file(path, pack_text(text))
        if self._room > 0:
            self._room -= len(text)
            self._texts[self._items] = text

    def _keep_file(self, path: str, data: bytes) -> None:
        self._items += 1
        self._db.execute("INSERT INTO file_data VALUES (?, ?)", (self._items, data))
        self._db.execute("INSERT INTO tree VALUES (?, ?)", (self._key(clean(path)), self._items))

    def _key(self, path: str) -> bytes:
        """Return what sorts a path behind its folder and before whatever is beside that.

        ScanCode cleans paths of "..", which some systems' names may hold, so an item may have a path outside of the
        folder that it was listed in, even outside of the root. That one counts as being in the root.
        """
        names = path.split("/")
        if self._root is None:
            self._root = names
        if len(names) <= len(self._root):
            return _key_of(names if names == self._root else self._root + names)
        folder, _, name = path.rpartition("/")
        key = self._folder_keys.get(folder)
        if key is None:
            above = names[:-1]
            key = _key_of(above if above[: len(self._root)] == self._root else self._root + above)
            if len(self._folder_keys) >= _FOLDERS_REMEMBERED:
                self._folder_keys.clear()
            self._folder_keys[folder] = key
        return key + b"\0" + _key_of([name])

    def _add_files(self) -> None:
        """Add all files in the order of the tree, with the totals of their folders."""
        query = "SELECT key, item FROM tree ORDER BY key, item"
        for number, (key, item) in enumerate(self._db.execute(query), 1):
            self._close_folders(key, number)
            self._add_file(number, key, item, self._data_of(item))
        self._close_folders(None, self._items + 1)

    def _data_of(self, item: int) -> dict[str, Any]:
        text = self._texts.pop(item, None)
        if text is not None:
            return read_clean(text)
        return unpack_clean(self._db.execute("SELECT data FROM file_data WHERE item = ?", (item,)).fetchone()[0])

    def _close_folders(self, key: bytes | None, number: int) -> None:
        """Close the folders that the file of this key and number is not in; None closes all."""
        while self._open and (key is None or not key.startswith(self._open[-1].key + b"\0")):
            folder = self._open.pop()
            totals = {
                "bytes": folder.size,
                "errors": folder.errors,
                "unlicensed": folder.unlicensed,
                "licenses": folder.licenses.most_common(),
            }
            self._db.execute(
                "UPDATE file SET last = ?, files = ?, folders = ?, totals = ? WHERE id = ?",
                (number - 1, folder.files, folder.folders, pack(totals), folder.id),
            )
            if self._open:
                self._open[-1].add(folder)

    def _add_file(self, number: int, key: bytes, item: int, data: dict[str, Any]) -> None:
        is_file = data["type"] == "file"
        keys = license_keys(data.get("detected_license_expression"))
        categories = by_weight(self._categories.get(key, "Unknown") for key in keys)
        own = _Folder(number, key, errors=len(data.get("scan_errors") or ()))
        if is_file:
            own.files, own.size, own.unlicensed = 1, data.get("size") or 0, int(not keys)
            own.licenses.update(keys)
            self._add_terms(number, data, keys, categories)
            self._add_places(number, data)
        self._add_row(own, item, data, categories)
        self._count(own, is_file)

    def _add_row(self, own: _Folder, number: int, item: dict[str, Any], categories: list[str]) -> None:
        expression = item.get("detected_license_expression")
        row = {
            "id": own.id,
            "item": number,
            "parent": self._open[-1].id if self._open else None,
            "last": own.id,
            "is_file": item["type"] == "file",
            "path": item["path"],
            "name": item["name"],
            "size": own.size,
            "sha1": item.get("sha1"),
            "language": item.get("programming_language"),
            "expression": expression,
            "spdx": item.get("detected_license_expression_spdx") or to_spdx(expression, self._spdx),
            "categories": json.dumps(categories),
            "errors": own.errors,
        }
        self._db.execute(_INSERT_FILE, row)

    def _count(self, own: _Folder, is_file: bool) -> None:
        """Add a file to the totals and to the folder that is open; open a folder."""
        self._counts["files" if is_file else "folders"] += 1
        self._counts["bytes"] += own.size
        self._counts["unlicensed"] += own.unlicensed
        self._counts["failed"] += bool(own.errors)
        self._counts["errors"] += own.errors
        if not is_file:
            if self._open:
                self._open[-1].folders += 1
            self._open.append(own)
        elif self._open:
            self._open[-1].add(own)

    def _add_terms(self, number: int, item: dict[str, Any], keys: list[str], categories: list[str]) -> None:
        flags = {
            "file": True,
            "binary": bool(item.get("is_binary")),
            "error": bool(item.get("scan_errors")),
            "unlicensed": not keys,
            "clue": bool(item.get("license_clues")),
            "key": bool(item.get("is_key_file")),
        }
        values: dict[str, list[str]] = {
            "license": keys,
            "category": categories,
            "package": item.get("for_packages") or [],
            "language": [item["programming_language"]] if item.get("programming_language") else [],
            "flag": [name for name, is_set in flags.items() if is_set],
            "layer": self._layer_of(item["path"]),
            "expression": [item["detected_license_expression"]] if keys else [],
            "error": item.get("scan_errors") or [],
        }
        for kind in ("copyright", "holder", "author", "email", "url"):
            values[kind] = [found[kind] for found in item.get(f"{kind}s") or ()]
        rows = {(self._term(kind, value), number) for kind, found in values.items() for value in found}
        self._db.executemany("INSERT OR IGNORE INTO file_term VALUES (?, ?)", sorted(rows))

    def _layer_of(self, path: str) -> list[str]:
        """Return the layer that a file came with: what was in an archive came with the archive."""
        if not self._layers:
            return []
        ends = [len(path), *(match.start() for match in re.finditer(r"-extract(?:_\d+)?/", path))]
        return [str(self._layers[path[:end]]) for end in ends if path[:end] in self._layers][:1]

    def _term(self, kind: str, value: str) -> int:
        known = self._terms.get((kind, value))
        if known is None:
            self._db.execute("INSERT OR IGNORE INTO term (kind, value) VALUES (?, ?)", (kind, value))
            query = "SELECT id FROM term WHERE kind = ? AND value = ?"
            known = int(self._db.execute(query, (kind, value)).fetchone()[0])
            if len(self._terms) >= _TERMS_REMEMBERED:
                self._terms.clear()
            self._terms[kind, value] = known
        return known

    def _add_places(self, number: int, item: dict[str, Any]) -> None:
        for place, (detection, in_package) in enumerate(detections_of(item)):
            matches = detection["matches"]
            start = min((match["start_line"] for match in matches), default=0)
            end = max((match["end_line"] for match in matches), default=0)
            score = min((match["score"] for match in matches), default=0.0)
            self._db.execute(
                "INSERT INTO place VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                (detection["identifier"], number, in_package, place, start, end, score),
            )

    def finish(self) -> None:
        """Add what needs all rows: indexes, totals of terms, and what packages were found to hold."""
        self._db.execute(
            "UPDATE term SET files = (SELECT count(*) FROM file_term WHERE term = term.id)",
        )
        self._db.execute("COMMIT")
        self._db.executescript(schema.INDEXES)
        self._db.execute("BEGIN")
        self._add_bitmaps()
        self._weigh_detections()
        self._describe_packages()
        for name, kind in (("licenses", "license"), ("holders", "holder")):
            query = "SELECT count(*) FROM term WHERE kind = ?"
            self._counts[name] = self._db.execute(query, (kind,)).fetchone()[0]
        self.put("counts", dict(self._counts))

    def _add_bitmaps(self) -> None:
        kinds = ", ".join("?" * len(FILTER_KINDS))
        terms = self._db.execute(f"SELECT id FROM term WHERE kind IN ({kinds})", FILTER_KINDS).fetchall()  # noqa: S608
        for (term,) in terms:
            rows = self._db.execute("SELECT file FROM file_term WHERE term = ?", (term,))
            files = bitmaps.from_numbers((row[0] for row in rows), self._items)
            self._db.execute("UPDATE term SET bitmap = ? WHERE id = ?", (bitmaps.dump(files), term))

    def _weigh_detections(self) -> None:
        for number, expression in self._db.execute("SELECT id, expression FROM detection").fetchall():
            categories = by_weight(self._categories.get(key, "Unknown") for key in license_keys(expression))
            self._db.execute("UPDATE detection SET categories = ? WHERE id = ?", (json.dumps(categories), number))

    def _describe_packages(self) -> None:
        self._db.execute(
            "UPDATE package SET dependencies = (SELECT count(*) FROM dependency WHERE package = package.uid)"
        )
        query = """
            SELECT coalesce(file.spdx, ''), count(*) FROM term
            JOIN file_term ON file_term.term = term.id JOIN file ON file.id = file_term.file
            WHERE term.kind = 'package' AND term.value = ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
        """
        for number, uid in self._db.execute("SELECT id, uid FROM package").fetchall():
            detected = self._db.execute(query, (uid, _EXPRESSIONS)).fetchall()
            self._db.execute("UPDATE package SET detected = ? WHERE id = ?", (json.dumps(detected), number))


def _key_of(names: Iterable[str]) -> bytes:
    return b"\0".join(f"{name.casefold()}\1{name}".encode() for name in names)
