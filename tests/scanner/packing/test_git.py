"""Packing a commit: what git hands out is judged again, for the day that git lets something through."""

from __future__ import annotations

import pytest

from scanner.errors import ArchiveRefused, LimitExceeded
from scanner.limits import Limits
from scanner.packing.git import _refuse_path


@pytest.mark.parametrize(
    "path", [b"../x", b"a/../x", b"/x", b"a//x", b"./x", b".git/config", b"a/.GIT/hooks/x", b"x\0y"]
)
def test_a_path_that_leaves_its_folder_is_refused(path):
    with pytest.raises(ArchiveRefused):
        _refuse_path(path, Limits())


@pytest.mark.parametrize("path", [b"x" * 3_000, b"a/" * 200 + b"x"])
def test_a_path_that_is_too_long_is_refused(path):
    with pytest.raises(LimitExceeded):
        _refuse_path(path, Limits())


@pytest.mark.parametrize("path", [b"x", b"a/b/c", b".gitignore", b"..x", b"a b/\xff", b"git"])
def test_other_paths_are_taken(path):
    _refuse_path(path, Limits())
