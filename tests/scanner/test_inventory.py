"""The list of files is ScanCode's own, and its batches keep all cores busy to the end."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from commoncode import ignore
from commoncode.resource import Codebase
from hypothesis import given
from hypothesis import strategies as st

from scanner import inventory
from scanner.errors import ArchiveRefused, LimitExceeded
from scanner.limits import Limits
from scanner.results import FileEntry

#: Stock leaves the handles of its listings to the garbage collector.
stock_warnings = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _tree(workspace: Path, *paths: str) -> None:
    for path in paths:
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_text(path)


def _stock(workspace: Path, root: str) -> list[str]:
    codebase = Codebase(str(workspace / root), codebase_attributes={}, resource_attributes={})
    return sorted(resource.path for resource in codebase.walk() if resource.is_file)


def _names() -> list[str]:
    """Return names that ScanCode ignores, some that look like them, and some of each kind as folders."""
    ignored = [pattern.removeprefix("*/") for pattern in ignore.ignores_VCS]
    alike = ["git", ".github", ".gitmodules", ".gitkeep", "a.git", "cvs.txt", "_darcs2", "arch", ".hgtags", "vssver"]
    return [
        *ignored,
        *(name.upper() for name in ignored),
        *alike,
        *(f"{name}/below/file" for name in ignored),
    ]


@stock_warnings
def test_it_lists_what_stock_scancode_walks(tmp_path: Path) -> None:
    names = _names()
    _tree(tmp_path, "root/a", "root/B/c.txt", "root/B/.editorconfig", "root/x.pyc", "root/.DS_Store", "root/ space ")
    for number, name in enumerate(names):
        _tree(tmp_path, f"root/{number}/{name}", f"root/{number}/deeper/{name}")
    (tmp_path / "root" / "link").symlink_to("a")
    (tmp_path / "root" / "linked").symlink_to("B")
    (tmp_path / "root" / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "root" / "pipe")

    found = [entry.path for entry in inventory.take(tmp_path, "root", Limits())]

    assert found == _stock(tmp_path, "root")
    assert len(found) > 20


@stock_warnings
@pytest.mark.parametrize("root", [".git", "CVS", "_darcs", "root.git"])
def test_it_agrees_with_stock_about_the_root_too(root: str, tmp_path: Path) -> None:
    _tree(tmp_path, f"{root}/a", f"{root}/b/c")

    assert [entry.path for entry in inventory.take(tmp_path, root, Limits())] == _stock(tmp_path, root)


def test_a_single_file_is_scanned_whatever_it_is_called(tmp_path: Path) -> None:
    _tree(tmp_path, ".gitignore")

    assert [entry.path for entry in inventory.take(tmp_path, ".gitignore", Limits())] == [".gitignore"]
    assert _stock(tmp_path, ".gitignore") == [".gitignore"]


def test_it_knows_size_and_digest(tmp_path: Path) -> None:
    _tree(tmp_path, "root/b", "root/a/c")

    files = inventory.take(tmp_path, "root", Limits())

    assert files == [
        FileEntry(path, len(path), hashlib.sha256(path.encode()).hexdigest()) for path in ("root/a/c", "root/b")
    ]


def test_a_root_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    _tree(tmp_path, "elsewhere/secret")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "root").symlink_to("../elsewhere")
    (tmp_path / "workspace" / "file").symlink_to("../elsewhere/secret")

    assert inventory.take(tmp_path / "workspace", "root", Limits()) == []
    assert inventory.take(tmp_path / "workspace", "file", Limits()) == []


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(unpacked_files=2), "2 files (the limit unpacked_files)"),
        (Limits(unpacked_bytes=10), "10 bytes (the limit unpacked_bytes)"),
        (Limits(path_depth=2), "2 levels (the limit path_depth)"),
    ],
)
def test_it_holds_the_limits(limits: Limits, says: str, tmp_path: Path) -> None:
    _tree(tmp_path, "root/a", "root/b", "root/1/2/3/4")

    with pytest.raises(LimitExceeded) as caught:
        inventory.take(tmp_path, "root", limits)

    assert says in str(caught.value)


def test_it_refuses_a_name_that_no_report_can_hold(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / os.fsdecode(b"caf\xe9")).write_text("x")

    with pytest.raises(ArchiveRefused, match="not UTF-8"):
        inventory.take(tmp_path, "root", Limits())


def _files(sizes: list[int]) -> list[FileEntry]:
    return [FileEntry(f"root/{number}", size, "") for number, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 2_000_000), max_size=600), st.integers(1, 9))
def test_every_file_is_in_one_batch(sizes: list[int], processes: int) -> None:
    files = _files(sizes)

    batches = inventory.batches(files, processes)

    assert sorted((file for batch in batches for file in batch), key=lambda file: file.path) == sorted(
        files, key=lambda file: file.path
    )
    assert all(batches)
    for batch in batches:
        assert len(batch) == 1 or sum(map(inventory.cost, batch)) <= inventory.BATCH_SECONDS + 1e-9


def test_the_costly_come_first() -> None:
    batches = inventory.batches(_files([10, 10_000_000, 10, 3_600_000, 10]), 2)

    assert [[file.size for file in batch] for batch in batches] == [[10_000_000], [3_600_000], [10, 10, 10]]


def test_batches_of_small_files_are_full() -> None:
    batches = inventory.batches(_files([1_000] * 1_000), 2)

    assert len(batches) <= 1_000 * inventory.cost(_files([1_000])[0]) / inventory.BATCH_SECONDS + 1


def test_batches_do_not_depend_on_the_order_of_the_files() -> None:
    files = _files([5, 900, 5, 70_000, 5])

    assert inventory.batches(files, 2) == inventory.batches(files[::-1], 2)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_small_scan_is_one_batch_of_about_the_same_cost_for_each_process(processes: int) -> None:
    files = _files([number * 9_000 for number in range(1, 17)])

    found = inventory.batches(files, processes)

    costs = [sum(map(inventory.cost, batch)) for batch in found]
    assert len(found) == processes
    assert max(costs) - min(costs) <= inventory.cost(files[0])


def test_what_is_not_known_shares_few_batches() -> None:
    files = _files([20_000] * 3_000)
    known = {file.path for file in files[:-20]}

    batches = inventory.batches(files, 2, known)

    assert [sum(file.path not in known for file in batch) for batch in batches] == [10, 10]


def test_what_is_not_worth_a_second_child_stays_together() -> None:
    assert len(inventory.batches(_files([100] * 3), 2)) == 1


def test_it_can_be_stopped_between_two_files(tmp_path: Path) -> None:
    _tree(tmp_path, "root/a", "root/b")

    def beat() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inventory.take(tmp_path, "root", Limits(), beat=beat)
