"""The finding cache: the same findings with it and without it, and no failure that is its fault."""

from __future__ import annotations

import fnmatch
import multiprocessing
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from scanner import inventory
from scanner.cache import FindingCache, _Where, scan_with_cache
from scanner.engine.client import About, Engine
from scanner.limits import Limits
from scanner.results import EngineVersion, FileEntry, FileFindings

VERSION = EngineVersion("32.5.0", "index", "1")
LIMITS = Limits()


def entry(path: str, content: str = "content") -> FileEntry:
    return FileEntry(path, len(content), content)


def found(path: str, **changes: Any) -> FileFindings:
    return FileFindings(path, {"sha1": "abc", "date": "2024-01-01", "package_data": [{"name": "x"}]}, **changes)


@pytest.fixture
def cache(tmp_path: Path) -> FindingCache:
    return FindingCache(tmp_path / "cache" / "findings.sqlite")


def test_it_knows_what_was_put(cache: FindingCache) -> None:
    cache.put_many(VERSION, [(entry("root/a.c"), found("root/a.c"))])

    asked = [entry("root/a.c"), entry("other/folder/a.c"), entry("root/b.c")]

    assert cache.get_many(VERSION, asked) == {"root/a.c": {"sha1": "abc"}, "other/folder/a.c": {"sha1": "abc"}}
    assert cache.known(VERSION, asked) == {"root/a.c", "other/folder/a.c"}


@pytest.mark.parametrize(
    ("version", "file"),
    [
        (VERSION, entry("root/a.c", "other content")),
        (VERSION, entry("root/b.c")),
        (EngineVersion("33.0.0", "index", "1"), entry("root/a.c")),
        (EngineVersion("32.5.0", "other index", "1"), entry("root/a.c")),
        (EngineVersion("32.5.0", "index", "2"), entry("root/a.c")),
    ],
)
def test_it_does_not_know_anything_else(cache: FindingCache, version: EngineVersion, file: FileEntry) -> None:
    cache.put_many(VERSION, [(entry("root/a.c"), found("root/a.c"))])

    assert cache.get_many(version, [file]) == {}


@pytest.mark.parametrize("changes", [{"errors": ("ERROR: …",)}, {"complete": False}])
def test_it_keeps_no_findings_that_are_not_whole(cache: FindingCache, changes: dict[str, Any]) -> None:
    cache.put_many(VERSION, [(entry("a"), found("a", **changes))])

    assert cache.get_many(VERSION, [entry("a")]) == {}


def change(cache: FindingCache, statement: str, *values: Any) -> None:
    with sqlite3.connect(cache.path) as database:
        database.execute(statement, values)
    database.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE findings SET value = substr(value, 1, length(value) - 3)",
        "UPDATE findings SET value = x''",
        "UPDATE findings SET value = zeroblob(length(value))",
    ],
)
def test_a_damaged_entry_is_noticed_and_dropped(cache: FindingCache, damage: str) -> None:
    both = [entry("a"), entry("b")]
    cache.put_many(VERSION, [(file, found(file.path)) for file in both])
    change(cache, damage)

    assert cache.get_many(VERSION, both) == {}


def test_findings_under_another_files_key_are_noticed(cache: FindingCache) -> None:
    cache.put_many(VERSION, [(entry("a"), found("a"))])
    [(before,)] = sqlite3.connect(cache.path).execute("SELECT key FROM findings").fetchall()
    cache.put_many(VERSION, [(entry("b"), found("b"))])
    change(cache, "DELETE FROM findings WHERE key = ?", before)
    change(cache, "UPDATE findings SET key = ?", before)

    assert cache.get_many(VERSION, [entry("a")]) == {}


@pytest.mark.parametrize(
    "content",
    [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000, b""],
    ids=["text", "torn", "empty"],
)
def test_a_file_that_is_no_database_is_replaced(cache: FindingCache, content: bytes) -> None:
    cache.path.parent.mkdir()
    cache.path.write_bytes(content)

    for _ in range(2):
        cache.put_many(VERSION, [(entry("a"), found("a"))])

    assert cache.get_many(VERSION, [entry("a")]) == {"a": {"sha1": "abc"}}


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = FindingCache(tmp_path / "file" / "findings.sqlite")

    cache.put_many(VERSION, [(entry("a"), found("a"))])

    assert cache.get_many(VERSION, [entry("a")]) == {}


def test_a_cache_that_somebody_holds_is_no_failure(cache: FindingCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.cache.BUSY_SECONDS", 0.1)
    cache.put_many(VERSION, [(entry("a"), found("a"))])
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    cache.put_many(VERSION, [(entry("b"), found("b"))])

    assert cache.get_many(VERSION, [entry("a")]) == {"a": {"sha1": "abc"}}
    holder.close()


def test_it_stays_within_its_bytes_and_drops_what_was_used_least(tmp_path: Path) -> None:
    cache = FindingCache(tmp_path / "findings.sqlite", max_bytes=1_000_000)
    cache.put_many(VERSION, [(entry("first"), found("first"))])
    for batch in range(60):
        names = [f"{batch}-{number}" for number in range(10)]
        cache.put_many(VERSION, [(entry(name), FileFindings(name, {"text": os.urandom(2000).hex()})) for name in names])
        change(cache, "UPDATE findings SET used = used - 10000")
        # Asked for, and so in use.
        assert cache.get_many(VERSION, [entry("first")])

    assert cache.path.stat().st_size <= 1_000_000
    assert len(cache.get_many(VERSION, [entry(f"59-{number}") for number in range(10)])) == 10
    assert cache.get_many(VERSION, [entry("0-0")]) == {}


def _put_and_get(path: Path, worker: int) -> int:
    cache = FindingCache(path)
    for number in range(20):
        cache.put_many(VERSION, [(entry(f"{worker}-{number}"), found("x")), (entry("same"), found("same"))])
    return len(cache.get_many(VERSION, [entry(f"{worker}-{number}") for number in range(20)]))


def test_several_processes_share_it(cache: FindingCache) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        counts = pool.starmap(_put_and_get, [(cache.path, worker) for worker in range(3)])

    assert counts == [20, 20, 20]
    assert len(cache.get_many(VERSION, [entry(f"{worker}-19") for worker in range(3)])) == 3


class Counting:
    """An engine that notes what it was asked to scan."""

    def __init__(self, answer: Callable[[FileEntry], FileFindings], manifests: tuple[str, ...] = ()) -> None:
        self._answer = answer
        self._about = About(VERSION, manifests, scanners=())
        self.whole: list[str] = []
        self.packages: list[str] = []

    def about(self, **_: Any) -> About:
        return self._about

    def scan(
        self, _workspace: Path, files: Sequence[FileEntry], *, packages_only: Sequence[FileEntry] = (), **_: Any
    ) -> Iterator[FileFindings]:
        self.whole += [file.path for file in files]
        self.packages += [file.path for file in packages_only]
        yield from (self._answer(file) for file in files)
        yield from (FileFindings(file.path, {"package_data": [file.path]}) for file in packages_only)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for path in ("root/a.c", "root/copy/a.c", "root/b.c", "root/setup.py", "root/copy/setup.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path[-4:])
        os.utime(tmp_path / path, (1_600_000_000, 1_600_000_000 + len(path) * 86_400))
    return tmp_path


def scanned(counting: Any, cache: FindingCache | None, workspace: Path) -> dict[str, FileFindings]:
    files = inventory.take(workspace, "root", LIMITS)
    return {one.path: one for one in scan_with_cache(counting, cache, workspace, files, limits=LIMITS)}


def test_equal_files_are_scanned_once_and_only_what_is_not_known(cache: FindingCache, workspace: Path) -> None:
    counting = Counting(lambda file: found(file.path), manifests=("(?s:.*setup\\.py)\\Z",))

    first = scanned(counting, cache, workspace)
    assert sorted(counting.whole) == ["root/a.c", "root/b.c", "root/setup.py"] or len(counting.whole) == 3
    assert len(counting.packages) == 1  # The other setup.py: the same content, in another place.

    again = Counting(lambda file: found(file.path), manifests=("(?s:.*setup\\.py)\\Z",))
    second = scanned(again, cache, workspace)
    assert again.whole == []
    assert sorted(again.packages) == ["root/copy/setup.py", "root/setup.py"]
    assert first.keys() == second.keys() == {file.path for file in inventory.take(workspace, "root", LIMITS)}
    assert second["root/setup.py"].results["package_data"] == ["root/setup.py"]
    assert "package_data" not in second["root/a.c"].results


def test_each_copy_has_its_own_date(workspace: Path) -> None:
    first = scanned(Counting(lambda file: found(file.path)), None, workspace)

    copies = [first["root/a.c"], first["root/copy/a.c"]]
    own = [one for one in copies if one.results["date"] != "2024-01-01"]
    assert [one.results["date"] for one in own] == ["2020-09-26" if own[0].path == "root/copy/a.c" else "2020-09-21"]


def test_an_error_is_told_of_each_copy_and_never_kept(cache: FindingCache, workspace: Path) -> None:
    counting = Counting(lambda file: FileFindings(file.path, errors=("ERROR: …",)))

    first = scanned(counting, cache, workspace)
    again = scanned(counting, cache, workspace)

    assert first["root/a.c"].errors == first["root/copy/a.c"].errors == ("ERROR: …",)
    assert len(counting.whole) == 6
    assert again["root/b.c"].errors


def test_a_file_whose_mode_shows_in_its_findings_is_always_scanned(cache: FindingCache, workspace: Path) -> None:
    (workspace / "root/b.c").chmod(0o4755)
    counting = Counting(lambda file: found(file.path))

    scanned(counting, cache, workspace)
    scanned(counting, cache, workspace)

    assert counting.whole.count("root/b.c") == 2
    assert counting.whole.count("root/a.c") + counting.whole.count("root/copy/a.c") == 1


SETUP = "from setuptools import setup\nfrom pkg import __version__\nsetup(name='x', version=__version__)\n"
#: Manifests in places that matter, beside copies of them in places that do not.
TREE = {
    "root/LICENSE": "Licensed under the MIT license.\nCopyright (c) 2024 Ada Lovelace\n",
    "root/one/LICENSE": "Licensed under the MIT license.\nCopyright (c) 2024 Ada Lovelace\n",
    "root/setup.py": SETUP,
    "root/pkg/__init__.py": "__version__ = '1.2.3'\n",
    "root/one/setup.py": SETUP,
    "root/one/pkg/__init__.py": "__version__ = '3.2.1'\n",
    "root/package.json": '{"name": "x", "version": "1.0.0", "license": "MIT"}',
    "root/two/package.json": '{"name": "x", "version": "1.0.0", "license": "MIT"}',
    "root/debian/copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    "Files: *\nCopyright: 2020 Ada\nLicense: MIT\n",
    "root/BUILD": "cc_library(name = 'x')\n",
    "root/three/BUILD": "cc_library(name = 'x')\n",
    "root/requirements/dev.txt": "flask==3.1.0\n",
    "root/three/dev.txt": "flask==3.1.0\n",
    "root/README.chromium": "License: MIT\n",
    "root/three/README.chromium": "License: MIT\n",
    "root/three/configure": "#! /bin/sh\n",
    "root/one/configure": "#! /bin/sh\n",
    "root/empty": "",
    "root/one/empty": "",
}


def test_findings_are_the_same_with_the_cache_and_without(engine: Engine, cache: FindingCache, tmp_path: Path) -> None:
    for number, (path, text) in enumerate(TREE.items()):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        os.utime(tmp_path / path, (1_600_000_000 + number * 86_400,) * 2)
    files = inventory.take(tmp_path, "root", LIMITS)
    plain = {one.path: one for one in engine.scan(tmp_path, files, limits=LIMITS)}

    for _ in range(2):
        cached = scanned(engine, cache, tmp_path)
        assert cached.keys() == plain.keys()
        for path, one in plain.items():
            assert (cached[path].results, cached[path].errors) == (one.results, one.errors), path
    readmes = [plain[f"{folder}/README.chromium"].results["package_data"] for folder in ("root", "root/three")]
    assert readmes[0] != readmes[1]


def test_moved_files_have_the_findings_of_their_new_place(engine: Engine, cache: FindingCache, tmp_path: Path) -> None:
    for path, text in TREE.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    scanned(engine, cache, tmp_path)
    shutil.move(tmp_path / "root" / "debian" / "copyright", tmp_path / "root" / "three" / "copyright")
    (tmp_path / "root" / "three").rename(tmp_path / "root" / "debian.d")
    files = inventory.take(tmp_path, "root", LIMITS)

    plain = {one.path: one.results for one in engine.scan(tmp_path, files, limits=LIMITS)}

    assert {path: one.results for path, one in scanned(engine, cache, tmp_path).items()} == plain


def test_every_path_at_which_stock_looks_for_packages_may_be_a_manifest(engine: Engine) -> None:
    from packagedcode import APPLICATION_PACKAGE_DATAFILE_HANDLERS as handlers

    where = _Where(Path("/workspace"), engine.about().manifests)
    patterns = [pattern for handler in handlers for pattern in handler.path_patterns]

    assert len(patterns) > 150
    for pattern in patterns:
        assert where.may_be_manifest(entry("root/" + pattern.replace("*", "x").lstrip("/"))), pattern
    assert not where.may_be_manifest(entry("root/main.c"))


def test_what_may_be_a_manifest_is_what_one_of_the_patterns_matches_in_any_case() -> None:
    globs = ["*/setup.py", "*.jar", "*/a b+c.txt", "*conda*.yaml", "*/x/*/y/*", "*[ab].c", "*/?.d", "*.(e)*f", "plain"]
    patterns = [re.sub(r"\\z\Z", r"\\Z", fnmatch.translate(glob)) for glob in globs]
    whole = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
    chance = random.Random(4)
    pieces = ["/", "f", ".", ".py", ".jar", ".yaml", "setup", "conda", "b.c", "q.d", ".(e)", "/x/", "/y/", "a b+c.txt"]
    where = _Where(Path("/w"), tuple(patterns))
    found = []
    for _ in range(20_000):
        path = "".join(chance.choices(pieces, k=chance.randrange(1, 6)))
        path = path.upper() if chance.random() < 0.2 else path
        found.append(where.may_be_manifest(entry(path)))

        assert found[-1] == (whole.match(f"/w/{path}") is not None), path
    assert 1_000 < sum(found) < 19_000
