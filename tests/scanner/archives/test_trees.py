"""Trees can be removed however they are made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scanner.archives import remove_tree
from scanner.archives.trees import walk


def _deep(top: Path, levels: int) -> None:
    """Make a chain of folders longer than any path can be, with a file at its end."""
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("folder", dir_fd=fd)
        below = os.open("folder", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def test_it_removes_a_tree_deeper_than_paths_can_be(tmp_path: Path) -> None:
    _deep(tmp_path / "deep", 1_200)

    remove_tree(tmp_path / "deep")

    assert list(tmp_path.iterdir()) == []


def test_it_walks_a_tree_deeper_than_paths_can_be(tmp_path: Path) -> None:
    _deep(tmp_path / "deep", 1_200)

    found = [item.name for item in walk(tmp_path / "deep")]

    remove_tree(tmp_path / "deep")
    assert found == ["file"]


def test_it_removes_links_and_not_what_they_point_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "folder").symlink_to("../kept")
    (tree / "file").symlink_to(tmp_path / "kept" / "file")
    (tree / "broken").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")

    remove_tree(tree)
    remove_tree(tmp_path / "missing")

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "kept"


def test_it_removes_a_link_where_a_folder_was_expected(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    (tmp_path / "link").symlink_to("kept")

    remove_tree(tmp_path / "link")

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100, 0o500])
def test_it_removes_folders_without_permissions(mode: int, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for number in range(3):
        folder = tree / str(number) / "below"
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    for path in [*tree.rglob("*"), tree]:
        os.chown(path, 65_534, 65_534) if os.geteuid() == 0 else None
    for path in sorted((path for path in tree.rglob("*") if path.is_dir()), reverse=True):
        path.chmod(mode)

    assert _as_ordinary_user(tree) == 0

    assert not tree.exists() or list(tree.iterdir()) == []


def _as_ordinary_user(tree: Path) -> int:
    """Remove a tree in a process without root's rights, which would hide what permissions do."""
    folder = os.open(tree, os.O_RDONLY)
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65_534)
                os.setuid(65_534)
            for name in os.listdir(folder):
                remove_tree(name, dir_fd=folder)
        except BaseException:
            os._exit(1)
        os._exit(0)
    os.close(folder)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_it_says_when_something_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x")
    monkeypatch.setattr(os, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError("read-only")))

    with pytest.raises(PermissionError):
        remove_tree(tmp_path / "tree")


def test_walking_tells_what_is_not_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    (tmp_path / "file").write_text("x")

    kinds = {item.name: stat.S_IFMT(item.status.st_mode) for item in walk(tmp_path)}

    assert kinds == {"link": stat.S_IFLNK, "file": stat.S_IFREG}
