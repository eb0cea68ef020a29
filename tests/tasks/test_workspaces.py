"""A workspace may be removed at any moment; whoever worked in it must notice, though another is in its place."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from scanner.results import FileEntry
from tasks import sweep, workspaces
from webapp.models import Scan, State


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


def test_a_workspace_that_is_forgotten_is_out_of_the_way_at_once_and_removed_by_the_sweep(
    app: Flask, add_scan: Callable[..., Scan]
) -> None:
    scan = add_scan()
    (workspaces.path_of(scan) / "root").mkdir(parents=True)

    workspaces.forget(scan)
    gone = not workspaces.path_of(scan).exists()
    left = list(workspaces.folder().iterdir())
    workspaces.remove_doomed()

    assert gone
    assert len(left) == 1
    assert list(workspaces.folder().iterdir()) == []


def test_folders_of_scans_that_are_over_are_removed_and_those_under_way_stay(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "SETTLED", -1)
    over, under_way = add_scan(state=State.CANCELLED), add_scan(state=State.SCANNING)
    for scan in (over, under_way):
        workspaces.path_of(scan).mkdir()
    (workspaces.folder() / f"{over.token}.draft-of-a-killed-worker").mkdir()
    (workspaces.folder() / f"{over.token}.lock").touch()

    sweep.run()

    assert list(workspaces.folder().iterdir()) == [workspaces.path_of(under_way)]


def test_the_scratch_folder_of_a_killed_process_goes_and_that_of_a_living_one_stays(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "SETTLED", -1)
    with workspaces.scratch() as mine:
        (mine / "upload").touch()
        folder, process = _scratch_of_another(app.config["INSTANCE"])

        workspaces.remove_left_scratch()
        while_it_lives = folder.exists()
        process.kill()
        process.communicate()
        workspaces.remove_left_scratch()

        assert while_it_lives
        assert not folder.exists()
        assert (mine / "upload").exists()
    assert not mine.exists()


def test_a_scratch_folder_that_was_made_just_now_may_be_about_to_be_locked(app: Flask) -> None:
    young = workspaces.scratch_folder() / "young"
    young.mkdir()

    workspaces.remove_left_scratch()

    assert young.exists()


def _scratch_of_another(instance: Path) -> tuple[Path, subprocess.Popen[str]]:
    """Return the scratch folder of another process, and that process, which keeps it until it is killed."""
    code = f"""
import pathlib, time, flask
from tasks import workspaces
app = flask.Flask("another")
app.config["INSTANCE"] = pathlib.Path({str(instance)!r})
with app.app_context(), workspaces.scratch() as folder:
    print(folder, flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Path(process.stdout.readline().strip()), process


def test_ext4_is_told_that_workspaces_have_nothing_to_do_with_each_other(app: Flask) -> None:
    flags = bytearray(8)
    fd = os.open(workspaces.folder(), os.O_RDONLY)
    try:
        fcntl.ioctl(fd, workspaces._GET_FLAGS, flags)
    except OSError:
        pytest.skip("these tests' folder is on a file system without such attributes")
    finally:
        os.close(fd)
    if _file_system(workspaces.folder()) != "ext4":
        pytest.skip("these tests' folder is not on ext4")

    assert int.from_bytes(flags, sys.byteorder) & workspaces._TOP_OF_HIERARCHIES


def _file_system(path: Path) -> str:
    asked = ["stat", "--file-system", "--format=%T", str(path)]
    return {"ext2/ext3": "ext4"}.get(subprocess.run(asked, capture_output=True, text=True).stdout.strip(), "another")
