import os
import socket

import pytest
from commoncode import ignore

from scanner.engine.speedups import special_files

from .stock import stock

NAMES = [
    "file",
    "folder",
    "folder/inner",
    "link",
    "link to folder",
    "link to nothing",
    "link to itself",
    "pipe",
    "socket",
]


@pytest.fixture
def locations(tmp_path, monkeypatch):
    """One location of each kind, and some that are none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner").touch()
    for name, target in (("link", "file"), ("link to folder", "folder"), ("link to nothing", "x")):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "link to itself").symlink_to("link to itself")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        yield [
            *(str(tmp_path / name) for name in NAMES),
            *(
                "file/",
                "folder/",
                "link to folder/",
                "folder/../file",
                "missing",
                "",
                None,
                "a\0b",
                "/dev/null",
                "\udcff",
            ),
            b"file",
        ]


def test_what_is_special_is_special_to_stock(locations):
    expected = [bool(stock("commoncode.filetype").is_special(each)) for each in locations]

    assert [bool(special_files.is_special(each)) for each in locations] == expected
    assert True in expected
    assert False in expected


def test_what_is_skipped_is_skipped_by_stock(locations, tmp_path):
    for name in (".git", ".gitignore", "CVS", "a.hg", ".svn"):
        (tmp_path / name).touch()
    theirs = stock("commoncode.resource").skip_ignored
    located = [each for each in locations if isinstance(each, str) and each] + list(map(str, tmp_path.iterdir()))

    assert [bool(special_files.skip_ignored(each)) for each in located] == [bool(theirs(each)) for each in located]
    assert sum(bool(special_files.skip_ignored(str(each))) for each in tmp_path.iterdir()) > 4
    assert ".git" in ignore.ignores_VCS
