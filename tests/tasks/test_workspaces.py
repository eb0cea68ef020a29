"""A workspace may be removed at any moment; whoever worked in it must notice, though another is in its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from flask import Flask

from scanner.results import FileEntry
from tasks import workspaces
from webapp.models import Scan


def test_a_workspace_is_told_from_the_next_in_its_place(app: Flask, add_scan: Callable[..., Scan]) -> None:
    scan = add_scan()
    seen = set()
    for _ in range(5):
        workspaces.path_of(scan).mkdir()
        seen.add(workspaces.identity(scan))
        workspaces.forget(scan)

    assert len(seen) == 5
    assert workspaces.identity(scan) is None


def test_a_workspace_that_is_being_removed_does_not_hold_all_files(app: Flask, add_scan: Callable[..., Scan]) -> None:
    scan = add_scan()
    files = [FileEntry(f"root/{name}", 1, "") for name in "ab"]
    (workspaces.path_of(scan) / "root").mkdir(parents=True)
    for entry in files:
        (workspaces.path_of(scan) / entry.path).touch()
    assert workspaces.holds(scan, files)

    (workspaces.path_of(scan) / "root" / "a").unlink()

    assert not workspaces.holds(scan, files)
    shutil.rmtree(workspaces.path_of(scan))
    assert not workspaces.holds(scan, files)
