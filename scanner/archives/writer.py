"""The only code that puts a stranger's files on the disk.

Every folder is opened by its parent's file descriptor and every file made new, without following links, so where a file
lands does not depend on what is there already. Only regular files and folders are made, with permissions of our own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from scanner.archives import kinds, names
from scanner.archives.budget import Budget, check_ratio
from scanner.archives.entries import CHUNK, Entry, Kind
from scanner.archives.notes import Notes
from scanner.archives.trees import remove_tree
from scanner.errors import ArchiveRefused, LimitExceeded
from scanner.limits import stated

#: Given to what has no usable time of its own: 1980-01-01, the first that zip knows. Nanoseconds.
NO_TIME = 315_532_800_000_000_000
#: Before 2200: what every file system can keep.
_LATEST_TIME = 7_258_118_400_000_000_000

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Parts = tuple[str, ...]


class Tree:
    """One folder on disk and what is made below it. Holds the folders of the newest path open."""

    def __init__(self, top: Path, budget: Budget) -> None:
        self.budget = budget
        self._path: list[str] = []
        self._fds = [os.open(top, _FOLDER)]
        self._folder_times: dict[Parts, int] = {}

    def folder(self, parts: Parts) -> int:
        """Return a descriptor of a folder, valid until the next call; it is made where it is missing.

        Raises ArchiveRefused if one of its names belongs to a file.
        """
        common = 0
        while common < min(len(parts), len(self._path)) and parts[common] == self._path[common]:
            common += 1
        while len(self._path) > common:
            os.close(self._fds.pop())
            self._path.pop()
        for name in parts[common:]:
            self._make_folder(name)
            try:
                fd = os.open(name, _FOLDER, dir_fd=self._fds[-1])
            except NotADirectoryError as error:
                raise ArchiveRefused(
                    f"The archive has a file and a folder of one name: {names.quoted(name)}."
                ) from error
            self._fds.append(fd)
            self._path.append(name)
        return self._fds[-1]

    def _make_folder(self, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=self._fds[-1])
        except FileExistsError:
            return
        self._folder_times[(*self._path, name)] = NO_TIME
        self.budget.add_folder()

    def date_folder(self, parts: Parts, mtime: int | None) -> None:
        """Remember a folder's time: it can be set only when nothing more is put into it."""
        self._folder_times[parts] = usable_time(mtime)

    def create(self, parts: Parts) -> int:
        """Return a descriptor of a new, empty file. Raises FileExistsError, ArchiveRefused."""
        fd = os.open(parts[-1], _NEW_FILE, 0o600, dir_fd=self.folder(parts[:-1]))
        self.budget.add_file()
        return fd

    def open(self, parts: Parts) -> int:
        """Return a descriptor for reading a file that was made here."""
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder(parts[:-1]))

    def is_folder(self, parts: Parts) -> bool:
        status = os.stat(parts[-1], dir_fd=self.folder(parts[:-1]), follow_symlinks=False)
        return stat.S_ISDIR(status.st_mode)

    def make(self, parts: Parts) -> None:
        """Make a new folder. Raises FileExistsError."""
        os.mkdir(parts[-1], 0o700, dir_fd=self.folder(parts[:-1]))
        self._folder_times[parts] = NO_TIME
        self.budget.add_folder()

    def remove(self, parts: Parts) -> None:
        """Remove a folder with all below it."""
        remove_tree(parts[-1], dir_fd=self.folder(parts[:-1]))
        self._folder_times = {path: time for path, time in self._folder_times.items() if path[: len(parts)] != parts}

    def finish(self) -> None:
        """Set the folders' times and close all."""
        for parts, time in sorted(self._folder_times.items()):
            os.utime(self.folder(parts), ns=(time, time))
        self.close()

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())
        self._path.clear()


class Writer:
    """Writes the entries of one archive of ``size`` bytes into one folder of the tree, and judges each of them.

    ``found`` are the files that are archives themselves, in the order of the archive: (parts, kind).
    """

    def __init__(self, tree: Tree, top: Parts, notes: Notes, size: int) -> None:
        self._tree = tree
        self._top = top
        self._notes = notes
        self._limits = tree.budget.limits
        self._size = size
        self._written = 0
        self._files: dict[Parts, Parts] = {}
        self._links: set[Parts] = set()
        self._numbers: dict[Parts, int] = {}
        self.found: list[tuple[Parts, kinds.ArchiveKind]] = []

    def add(self, entry: Entry) -> None:
        """Write one entry, or keep a note of why not. Raises ArchiveRefused, ArchiveBroken, LimitExceeded."""
        parts = self._judge(entry)
        if entry.kind is Kind.FOLDER:
            if parts:
                self._tree.folder((*self._top, *parts))
                self._tree.date_folder((*self._top, *parts), entry.mtime)
        elif not parts:
            self._leave_out(entry, "Entries without a name were left out")
        elif entry.kind is Kind.FILE:
            self._write(parts, entry.mtime, entry.data)
        elif entry.kind is Kind.HARDLINK:
            self._copy(parts, entry)
        else:
            if entry.kind is Kind.SYMLINK:
                self._links.add(parts)
            self._leave_out(entry, f"{entry.kind.capitalize()} were left out")

    def _judge(self, entry: Entry) -> Parts:
        """Return where the entry belongs, after its name has passed all limits."""
        parts = self._place(entry.name)
        whole = (*self._top, *parts)
        if len(whole) - (entry.kind is not Kind.FOLDER) > self._limits.path_depth:
            raise LimitExceeded(f"Folders in the archive are nested deeper than {stated(self._limits, 'path_depth')}.")
        if (
            len(entry.name) > self._limits.path_bytes
            or sum(len(part.encode()) + 1 for part in whole) > self._limits.path_bytes
        ):
            raise LimitExceeded(f"A path in the archive is longer than {stated(self._limits, 'path_bytes')}.")
        longest = len(parts) - (entry.kind is Kind.SYMLINK)
        if self._links and any(parts[:length] in self._links for length in range(1, longest + 1)):
            raise ArchiveRefused(f"The archive writes through a symbolic link: {names.shown(entry.name)}.")
        return parts

    def _place(self, name: bytes) -> Parts:
        return tuple(
            part if len(part) <= self._limits.name_bytes // 4 else self._fitting(part) for part in names.parts(name)
        )

    def _fitting(self, part: str) -> str:
        if len(names.unescaped(part)) > self._limits.name_bytes:
            raise LimitExceeded(f"A name in the archive is longer than {stated(self._limits, 'name_bytes')}.")
        fitting = names.fitting(part, self._limits.name_bytes)
        if fitting != part:
            self._notes.add("Names that are too long once they are made visible were cut", names.quoted(fitting))
        return fitting

    def _write(self, parts: Parts, mtime: int | None, data: Iterable[bytes]) -> None:
        fd, written = self._create(parts)
        try:
            head = b""
            for chunk in data:
                if len(head) < kinds.HEAD:
                    head += chunk[: kinds.HEAD - len(head)]
                self._written += len(chunk)
                check_ratio(self._limits, self._size, self._written)
                self._tree.budget.write(len(chunk))
                _write_all(fd, chunk)
            time = usable_time(mtime)
            os.utime(fd, ns=(time, time))
        finally:
            os.close(fd)
        self._files[parts] = written
        self._recognise(written, head)

    def _create(self, parts: Parts) -> tuple[int, Parts]:
        """Open a new file; the second of a name gets a number, so that all that the archive holds is scanned."""
        wanted = (*self._top, *parts)
        if parts not in self._files:
            try:
                return self._tree.create(wanted), wanted
            except FileExistsError as error:
                if self._tree.is_folder(wanted):
                    name = names.quoted("/".join(parts))
                    raise ArchiveRefused(f"The archive has a file and a folder of one name: {name}.") from error
        number = self._numbers.get(parts, 0)
        while True:
            number += 1
            name = names.fitting(names.numbered(parts[-1], number), self._limits.name_bytes)
            try:
                fd = self._tree.create((*wanted[:-1], name))
            except FileExistsError:
                continue
            self._numbers[parts] = number
            self._notes.add("Names that the archive has twice were given numbers", names.quoted("/".join(parts)))
            return fd, (*wanted[:-1], name)

    def _copy(self, parts: Parts, entry: Entry) -> None:
        """Write a hard link as a copy of the file that it is another name of, if the archive had that before."""
        origin = self._files.get(self._place(entry.target))
        if origin is None:
            self._leave_out(entry, "Hard links to files that do not come before them were left out")
            return
        with os.fdopen(self._tree.open(origin), "rb") as file:
            self._write(parts, entry.mtime, iter(lambda: file.read(CHUNK), b""))

    def _recognise(self, written: Parts, head: bytes) -> None:
        try:
            kind = kinds.of_head(head)
        except ArchiveRefused as refused:
            self._notes.add(f"Left closed. {str(refused).removesuffix('.')}", names.quoted("/".join(written)))
            return
        if kind is not None:
            self.found.append((written, kind))

    def _leave_out(self, entry: Entry, what: str) -> None:
        self._tree.budget.leave_out()
        link = f" → {names.shown(entry.target)}" if entry.target else ""
        self._notes.add(what, names.shown(entry.name) + link)


def usable_time(mtime: int | None) -> int:
    """Return nanoseconds since 1970 that can be set on a file."""
    return mtime if mtime is not None and 0 <= mtime < _LATEST_TIME else NO_TIME


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
