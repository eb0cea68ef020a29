"""Findings that are known already: a file that was scanned once need not be scanned again.

What ScanCode says of a file follows from its content and its name, with two exceptions, which are never taken from
here: ``date`` is the file's own, and ``package_data`` of a manifest may depend on the folders above and the files
beside it (``setup.py`` looks for its version elsewhere, ``pom.xml`` reads ``pom.properties``, ``copyright`` counts only
below ``debian/``). ScanCode looks for package data only where the path matches one of its patterns, and those come
from the engine: everywhere else there is none.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from isal import isal_zlib

from scanner.engine.client import Engine
from scanner.limits import Limits
from scanner.results import EngineVersion, FileEntry, FileFindings

log = logging.getLogger(__name__)

#: Of what is stored and how; another format is another key, so that old and new may share one file.
FORMAT = "1"
#: Attributes that do not follow from content and name.
OWN = ("date", "package_data")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS findings (
    key BLOB PRIMARY KEY,    -- digest of format, engine version, content and name
    used INTEGER NOT NULL,   -- when it was last asked for, seconds since 1970; not more exact than USED_SECONDS
    value BLOB NOT NULL      -- digest of key and the rest, then JSON, deflated
) STRICT;
CREATE INDEX IF NOT EXISTS findings_used ON findings (used);
"""
_DIGEST_BYTES = 16
#: A pattern that asks for nothing but a path's end: ``fnmatch.translate`` of ``*`` and plain characters.
_END = re.compile(r"\(\?s:\.\*((?:\w|[ /]|\\\W)+)\)\\Z", re.ASCII)
#: What ``fnmatch.translate`` writes around plain characters where there are several ``*``; and plain characters.
_AROUND, _PLAIN = re.compile(r"\(\?s:|\(\?>|\.\*\??|\)|\\Z"), re.compile(r"(?:\w|[ /]|\\\W)+", re.ASCII)
#: An entry's time of use is written again only when it is this old, so that reading seldom writes.
USED_SECONDS = 3_600
#: How long one process waits for another's short transaction.
BUSY_SECONDS = 5.0
#: The share of entries that is dropped, oldest use first, when the cache is full.
EVICTED_SHARE = 0.1


class FindingCache:
    """A bounded store of findings in one SQLite file, for any number of processes.

    It never fails: what goes wrong is logged, and counts as not known. A file that SQLite calls damaged is removed.
    """

    def __init__(self, path: Path, *, max_bytes: int = 1_000_000_000) -> None:
        self.path = path
        self.max_bytes = max_bytes

    def get_many(self, version: EngineVersion, files: Sequence[FileEntry]) -> dict[str, dict[str, Any]]:
        """Return the known results by path, without the attributes in ``OWN``."""
        paths = _paths_by_key(version, files)
        found: dict[str, dict[str, Any]] = {}

        def get(database: sqlite3.Connection) -> None:
            for keys in _portions(paths, 500):
                for key, value in self._select(database, keys):
                    results = _unpack(key, value)
                    if results is None:
                        log.warning("a damaged entry of the finding cache was dropped")
                        database.execute("DELETE FROM findings WHERE key = ?", (key,))
                    else:
                        found.update(dict.fromkeys(paths[key], results))

        self._use(get)
        return found

    def known(self, version: EngineVersion, files: Iterable[FileEntry]) -> set[str]:
        """Return the paths of the files whose results are kept; any may be gone when it is asked for."""
        paths = _paths_by_key(version, files)
        found: set[str] = set()

        def look(database: sqlite3.Connection) -> None:
            for keys in _portions(paths, 500):
                marks = ",".join("?" * len(keys))
                for (key,) in database.execute(f"SELECT key FROM findings WHERE key IN ({marks})", keys):  # noqa: S608
                    found.update(paths[key])

        self._use(look)
        return found

    def _select(self, database: sqlite3.Connection, keys: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
        now = int(time.time())
        marks = ",".join("?" * len(keys))
        rows = database.execute(f"SELECT key, value, used FROM findings WHERE key IN ({marks})", keys).fetchall()  # noqa: S608
        stale = [(now, key) for key, _, used in rows if used < now - USED_SECONDS]
        if stale:
            database.executemany("UPDATE findings SET used = ? WHERE key = ?", stale)
        return [(key, value) for key, value, _ in rows]

    def put_many(self, version: EngineVersion, found: Iterable[tuple[FileEntry, FileFindings]]) -> None:
        """Keep those findings that are whole: without errors, and not cut short by a limit."""
        now = int(time.time())
        rows = []
        for file, findings in found:
            if findings.complete and not findings.errors:
                key = _key(version, file)
                rows.append((key, now, _pack(key, findings.results)))

        def put(database: sqlite3.Connection) -> None:
            database.execute("BEGIN IMMEDIATE")
            self._make_room(database, sum(len(value) for _, _, value in rows))
            database.executemany("INSERT OR REPLACE INTO findings (key, used, value) VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")

        if rows:
            self._use(put)

    def _make_room(self, database: sqlite3.Connection, wanted: int) -> None:
        page = _pragma(database, "page_size")
        used = page * (_pragma(database, "page_count") - _pragma(database, "freelist_count"))
        # Half of a full page may be unused, and the index of uses needs room of its own.
        if used + 2 * wanted < self.max_bytes:
            return
        count = database.execute("SELECT count(*) FROM findings").fetchone()[0]
        oldest = "SELECT key FROM findings ORDER BY used LIMIT ?"
        database.execute(f"DELETE FROM findings WHERE key IN ({oldest})", (int(count * EVICTED_SHARE) + 1,))  # noqa: S608

    def _use(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do one short piece of work, with a connection of its own: processes are forked from this one at any time."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                # The worst that a power cut can do is to damage a file that may be lost.
                database.execute("PRAGMA synchronous = OFF")
                database.execute(f"PRAGMA max_page_count = {max(64, self.max_bytes // _pragma(database, 'page_size'))}")
                database.executescript(_SCHEMA)
                work(database)
        except sqlite3.OperationalError as error:
            # Busy, full, read-only: not the file's fault.
            log.warning("the finding cache is not used this time: %s", error)
        except sqlite3.DatabaseError as error:
            log.warning("the finding cache is damaged and begins anew: %s", error)
            for name in (self.path.name, f"{self.path.name}-wal", f"{self.path.name}-shm"):
                self.path.with_name(name).unlink(missing_ok=True)
        except OSError as error:
            log.warning("the finding cache is not used this time: %s", error)


def scan_with_cache(
    engine: Engine,
    cache: FindingCache | None,
    workspace: Path,
    files: Sequence[FileEntry],
    *,
    limits: Limits,
    beat: Callable[[], None] = lambda: None,
) -> Iterator[FileFindings]:
    """Yield the findings of each file once, in any order, as ``Engine.scan`` does; scan only what is not known.

    Files with the same content and name are scanned once, even without a cache.
    """
    about = engine.about(beat=beat)
    where = _Where(workspace, about.manifests)
    ordinary = {file.path: date for file in files if (date := where.date(file)) is not None}
    known = cache.get_many(about.version, [file for file in files if file.path in ordinary]) if cache else {}
    first: dict[tuple[str, str], FileEntry] = {}
    whole, manifests, twins = [], [], []
    for file in files:
        results = known.get(file.path)
        if file.path not in ordinary:
            whole.append(file)
        elif results is not None and where.may_be_manifest(file):
            manifests.append(file)
        elif results is not None:
            yield _portable(file, results, ordinary[file.path])
        elif first.setdefault(_twin(file), file) is file:
            whole.append(file)
        else:
            twins.append(file)

    fresh = {}
    by_path = {file.path: file for file in files}
    for found in engine.scan(workspace, whole, packages_only=manifests, limits=limits, beat=beat):
        file = by_path[found.path]
        if found.path in known:
            yield _merged(_portable(file, known[found.path], ordinary[found.path]), found)
        else:
            if file.path in ordinary:
                fresh[_twin(file)] = found
            yield found
    if cache:
        cache.put_many(about.version, [(first[twin], found) for twin, found in fresh.items()])

    copies = {}
    for file in twins:
        found = fresh[_twin(file)]
        copy = _portable(file, found.results, ordinary[file.path])
        copy = replace(copy, errors=found.errors, complete=found.complete)
        if where.may_be_manifest(file):
            copies[file.path] = copy
        else:
            yield copy
    again = [by_path[path] for path in copies]
    for found in engine.scan(workspace, [], packages_only=again, limits=limits, beat=beat):
        yield _merged(copies[found.path], found)


class _Manifests:
    """Patterns of the paths at which ScanCode looks for package data, in a form in which they are tried fast."""

    def __init__(self, patterns: Sequence[str]) -> None:
        ends = {pattern: _END.fullmatch(pattern) for pattern in patterns}
        self._ends = tuple(_unescaped(end[1]) for end in ends.values() if end)
        # Most patterns only say how a path ends, nearly all others hold a word that few paths have. As one expression,
        # all of them take fifteen times as long to try.
        others = [pattern for pattern, end in ends.items() if not end]
        self._words = [_word(pattern) for pattern in others]
        self._others = re.compile("|".join(f"(?:{pattern})" for pattern in others) or r"(?!)", re.IGNORECASE)

    def may_match(self, path: str) -> bool:
        lower = path.lower()
        if lower.endswith(self._ends):
            return True
        return any(word in lower for word in self._words) and self._others.match(path) is not None


#: One engine has the same ones for years, and a scan may be of one file.
_manifests = lru_cache(maxsize=4)(_Manifests)


class _Where:
    """What a file's place, rather than its content and name, decides."""

    def __init__(self, workspace: Path, manifests: tuple[str, ...]) -> None:
        self._workspace = workspace
        # As the engine sees it: the whole path counts, and in any case rather than in the right one.
        self._prefix = f"{workspace.resolve()}/"
        self._manifests = _manifests(manifests)

    def may_be_manifest(self, file: FileEntry) -> bool:
        return self._manifests.may_match(f"{self._prefix}{file.path}".replace("\\", "/"))

    def date(self, file: FileEntry) -> str | None:
        """Return the file's date as ScanCode writes it; None if this is no file to take from the cache."""
        try:
            path = f"{self._workspace}/{file.path}"
            status = os.lstat(path)
            # The type that libmagic gives names these bits, so the findings of such a file are its own.
            bits = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
            if stat.S_ISREG(status.st_mode) and not status.st_mode & bits and os.access(path, os.R_OK):
                return datetime.fromtimestamp(status.st_mtime, UTC).isoformat()[:10]
        except (OSError, ValueError, OverflowError):
            pass
        return None


def _word(pattern: str) -> str:
    """Return a text in lower case without which no path matches a pattern; empty if none is known."""
    pieces = [piece for piece in _AROUND.split(pattern) if piece]
    if not all(map(_PLAIN.fullmatch, pieces)):
        return ""
    return max(map(_unescaped, pieces), key=len, default="")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text).lower()


def _portable(file: FileEntry, results: Mapping[str, Any], date: str) -> FileFindings:
    """Return known results as the findings of this file."""
    return FileFindings(file.path, {**_without_own(results), "date": date})


def _merged(known: FileFindings, packages: FileFindings) -> FileFindings:
    """Return known findings with the package data that was looked for now."""
    return FileFindings(
        known.path,
        {**known.results, **packages.results},
        known.errors + packages.errors,
        packages.seconds,
        known.complete and packages.complete,
    )


def _without_own(results: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in results.items() if key not in OWN}


def _twin(file: FileEntry) -> tuple[str, str]:
    return file.sha256, file.path.rpartition("/")[2]


def _paths_by_key(version: EngineVersion, files: Iterable[FileEntry]) -> dict[bytes, list[str]]:
    paths: dict[bytes, list[str]] = {}
    for file in files:
        paths.setdefault(_key(version, file), []).append(file.path)
    return paths


def _key(version: EngineVersion, file: FileEntry) -> bytes:
    text = "\0".join((FORMAT, str(version), *_twin(file)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _pack(key: bytes, results: Mapping[str, Any]) -> bytes:
    packed = isal_zlib.compress(json.dumps(_without_own(results), separators=(",", ":")).encode("ascii"), 1)
    return _digest(key, packed) + packed


def _unpack(key: bytes, value: bytes) -> dict[str, Any] | None:
    """Return what was packed under this key; None if it is not exactly that."""
    digest, packed = value[:_DIGEST_BYTES], value[_DIGEST_BYTES:]
    if digest != _digest(key, packed):
        return None
    results: dict[str, Any] = json.loads(isal_zlib.decompress(packed))
    return results


def _digest(key: bytes, packed: bytes) -> bytes:
    return hashlib.blake2b(key + packed, digest_size=_DIGEST_BYTES).digest()


def _portions(keys: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    left = iter(keys)
    while portion := list(islice(left, size)):
        yield portion


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])
