"""Trees of files that strangers named: removing them and looking through them, however deep they are.

Paths can be longer than the system takes and deeper than Python recurses, so both go from folder to folder by file
descriptor, hold one folder open at a time and go back up through "..".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Found:
    """What is not a folder."""

    name: str
    status: os.stat_result


@dataclass(slots=True)
class _Level:
    name: str
    device: int
    inode: int
    folders: list[str] = field(default_factory=list)


def remove_tree(path: Path | str, *, dir_fd: int | None = None) -> None:
    """Remove a file, a link or a folder with all below it; nothing happens if there is nothing.

    Links are removed, never followed. Folders without permissions are given them first. Raises OSError if something
    stays.
    """
    path = os.fspath(path)
    try:
        status = os.lstat(path) if dir_fd is None else os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(path, dir_fd=dir_fd)
        return
    for _ in walk(path, dir_fd=dir_fd, remove=True):
        pass
    os.rmdir(path, dir_fd=dir_fd)


def walk(path: Path | str, *, dir_fd: int | None = None, remove: bool = False) -> Iterator[Found]:
    """Yield all that is not a folder below ``path``; with ``remove``, delete it and every folder below ``path``."""
    fd = _open(os.fspath(path), dir_fd)
    try:
        levels = [_level("", fd)]
        yield from _list(fd, levels[-1], remove)
        while True:
            if levels[-1].folders:
                name = levels[-1].folders.pop()
                below = _open(name, fd)
                os.close(fd)
                fd = below
                levels.append(_level(name, fd))
                yield from _list(fd, levels[-1], remove)
                continue
            done = levels.pop()
            if not levels:
                return
            above = os.open("..", _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = above
            if (here := os.fstat(fd)).st_ino != levels[-1].inode or here.st_dev != levels[-1].device:
                raise OSError(f"the folder above {done.name!r} was moved while it was being walked")
            if remove:
                os.rmdir(done.name, dir_fd=fd)
    finally:
        os.close(fd)


def _list(fd: int, level: _Level, remove: bool) -> Iterator[Found]:
    # The whole listing first: a folder that changes while it is being listed may leave names out.
    with os.scandir(fd) as listing:
        items = list(listing)
    for item in items:
        if item.is_dir(follow_symlinks=False):
            level.folders.append(item.name)
        else:
            yield Found(item.name, item.stat(follow_symlinks=False))
            if remove:
                os.unlink(item.name, dir_fd=fd)


def _open(name: str, dir_fd: int | None) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=dir_fd)
    except PermissionError:
        # It was a folder when it was listed, and nobody else works in it any more: no link is followed here.
        os.chmod(name, stat.S_IRWXU, dir_fd=dir_fd)
        return os.open(name, _FOLDER, dir_fd=dir_fd)


def _level(name: str, fd: int) -> _Level:
    status = os.fstat(fd)
    if status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(fd, stat.S_IRWXU)
    return _Level(name, status.st_dev, status.st_ino)
