"""The lean copy of the licence index is made once, of the file that is there, and never believed when in doubt."""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest

from scanner.engine import index, speedups

PARTS = {
    "tids_by_rid": [[1, 2]],
    "sets_by_rid": [{1, 2}],
    "msets_by_rid": [{1: 1, 2: 1}],
    "high_postings_by_rid": [{1: [0]}],
    "unknown_automaton": "large",
}


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    return written(tmp_path / "index_cache", name="first")


def written(path: Path, name: str) -> Path:
    path.write_bytes(pickle.dumps(SimpleNamespace(name=name, index=SimpleNamespace(**PARTS))))
    return path


def copy_of(stock: Path) -> Path:
    (copy,) = (path for path in stock.parent.iterdir() if path != stock)
    return copy


def test_a_whole_index_is_what_is_in_the_file(stock: Path) -> None:
    digest, cache = index.read(stock, lean=False)

    assert digest == hashlib.sha256(stock.read_bytes()).hexdigest()
    assert vars(cache.index) == PARTS
    assert list(stock.parent.iterdir()) == [stock]


def test_a_lean_one_lacks_what_the_replacements_make_themselves(stock: Path) -> None:
    first, again = index.read(stock, lean=True), index.read(stock, lean=True)

    for digest, cache in (first, again):
        assert digest == hashlib.sha256(stock.read_bytes()).hexdigest()
        assert cache.name == "first"
        assert {name for name, part in vars(cache.index).items() if part} == {"tids_by_rid"}


def test_the_copy_is_read_in_place_of_stocks_file(stock: Path) -> None:
    index.read(stock, lean=True)
    times = stock.stat()
    stock.write_bytes(b"x" * times.st_size)
    os.utime(stock, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert index.read(stock, lean=True)[1].name == "first"


def test_another_file_is_read_anew(stock: Path) -> None:
    index.read(stock, lean=True)
    written(stock, name="second")
    os.utime(stock, ns=(0, stock.stat().st_mtime_ns + 1))

    assert index.read(stock, lean=True)[1].name == "second"
    assert index.read(stock, lean=True)[1].name == "second"


@pytest.mark.parametrize("damage", [b"", b"not a pickle", b"\x80\x05"])
def test_a_damaged_copy_is_made_anew(stock: Path, damage: bytes) -> None:
    index.read(stock, lean=True)
    whole = copy_of(stock).read_bytes()
    copy_of(stock).write_bytes(damage)

    assert index.read(stock, lean=True)[1].name == "first"
    assert copy_of(stock).read_bytes() == whole


def test_a_copy_cut_short_is_made_anew(stock: Path) -> None:
    index.read(stock, lean=True)
    whole = copy_of(stock).read_bytes()
    copy_of(stock).write_bytes(whole[:-5])

    assert index.read(stock, lean=True)[1].name == "first"
    assert copy_of(stock).read_bytes() == whole


def test_where_no_copy_can_be_kept_each_start_makes_its_own(stock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    assert index.read(stock, lean=True)[1].index.sets_by_rid == ()
    assert list(stock.parent.iterdir()) == [stock]


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [([], True), (["another.function"], True), (["licensedcode.match_set.compute_candidates"], False)],
)
def test_it_is_lean_only_without_the_functions_that_read_all_of_it(left_out: list[str], expected: bool) -> None:
    assert index.may_be_lean(left_out) is expected


def test_it_is_whole_for_stocks_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_STOCK", "1")

    assert not index.may_be_lean([])


def test_the_functions_that_read_all_of_it_are_known_replacements() -> None:
    modules = [importlib.import_module(f"{speedups.__name__}.{name}") for name in speedups.MODULES]

    assert {f"{one.module}.{one.name}" for module in modules for one in module.REPLACEMENTS} >= index.READERS
