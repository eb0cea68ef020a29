"""Where fetched sources, findings and reports are kept: one interface, one folder so far.

A key is a name like ``sources/3f/3fa1…``: parts of small letters, digits, dots, dashes and underscores, joined by "/".
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from scanner.errors import NotStored

#: The parts of a key; the tokens of scans, which are among them, may begin with "-" and "_".
_PART = r"[A-Za-z0-9_\-][A-Za-z0-9._\-]{0,199}"
_KEY = re.compile(rf"{_PART}(?:/{_PART}){{0,9}}")
#: Begins the names of files that are being written. Keys cannot begin like this.
_UNFINISHED = ".unfinished-"


class Storage(Protocol):
    """Keeps files under keys. All may be called from several processes and machines at once."""

    def put(self, key: str, path: Path) -> None:
        """Keep the content of a file; whoever reads the key sees all of it or nothing, also after a power cut.

        The file belongs to the storage from now on: it may be deleted, but not changed. A second put replaces.
        """

    def open(self, key: str) -> BinaryIO:
        """Open what is kept for reading; raise NotStored if nothing is."""

    def local(self, key: str) -> AbstractContextManager[Path]:
        """Give what is kept as a file of this machine, for reading only, as long as the context lasts."""

    def exists(self, key: str) -> bool: ...

    def delete(self, prefix: str) -> None:
        """Forget a key and all keys below it ("a/b" and "a/b/c", not "a/bc"). Deleting nothing is no error."""

    def size(self, prefix: str) -> int:
        """Return the bytes kept under a key and all keys below it."""


def open_storage(url: str) -> Storage:
    """Return the storage at a URL: ``file:///folder`` or a plain path. ValueError if there is no such kind."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return FolderStorage(Path(unquote(parts.path)))
    if "://" not in url and url:
        return FolderStorage(Path(url))
    raise ValueError(f"there is no storage of the kind {parts.scheme or 'given'}: a folder or file:// is expected")


class FolderStorage:
    """Keeps each key as a file of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, path: Path) -> None:
        target = self._path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            _link_or_copy(path, unfinished)
            _write_through(unfinished)
            unfinished.replace(target)
            # After this the new name itself survives a power cut.
            _write_through(target.parent)
        finally:
            # A link that is renamed onto another link of the same file is left in place (rename(2)).
            unfinished.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotStored(f"Nothing is kept under {key}.") from None

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise NotStored(f"Nothing is kept under {key}.")
        yield path

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, prefix: str) -> None:
        path = self._path(prefix)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        self._remove_empty_parents(path.parent)

    def size(self, prefix: str) -> int:
        path = self._path(prefix)
        files = [path] if path.is_file() else (Path(top, name) for top, _, names in os.walk(path) for name in names)
        return sum(_size(file) for file in files if not file.name.startswith(_UNFINISHED))

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a storage key: {key[:100]!r}")
        return self._folder / key

    def _remove_empty_parents(self, folder: Path) -> None:
        while folder != self._folder:
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone already
                return
            folder = folder.parent


def _link_or_copy(path: Path, to: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"not a regular file: {path}")
    try:
        os.link(path, to)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, to)


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted since the folder was read
        return 0
