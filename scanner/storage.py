"""Where fetched sources, findings and reports are kept: one interface, one folder so far.

A key is a name like ``sources/3f/3fa1…``: parts of small letters, digits, dots, dashes and underscores, joined by "/".
"""

from __future__ import annotations

import errno
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from scanner.errors import NotStored

#: The parts of a key; the tokens of scans, which are among them, may begin with "-" and "_".
_PART = r"[A-Za-z0-9_\-][A-Za-z0-9._\-]{0,199}"
_KEY = re.compile(rf"{_PART}(?:/{_PART}){{0,9}}")
#: Begins the names of files that are being written. Keys cannot begin like this.
_UNFINISHED = ".unfinished-"
#: How often a file is put where somebody else just removes the empty folder.
_TRIES = 5


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

    def delete_others(self, prefix: str, keep: Container[str], seconds: float) -> int:
        """Delete what is directly below a key, not named in ``keep``, and as it is for so long; return how many."""


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
        _remove(path)
        self._remove_empty_parents(path.parent)

    def size(self, prefix: str) -> int:
        path = self._path(prefix)
        files = [path] if path.is_file() else (Path(top, name) for top, _, names in os.walk(path) for name in names)
        return sum(_size(file) for file in files if not file.name.startswith(_UNFINISHED))

    def delete_others(self, prefix: str, keep: Container[str], seconds: float) -> int:
        before, folder = time.time() - seconds, self._path(prefix)
        others = [path for path in folder.iterdir() if path.name not in keep] if folder.is_dir() else []
        # Among them what a killed put left unfinished.
        old = [path for path in others if _changed(path) < before]
        for path in old:
            _remove(path)
        return len(old)

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
    for _ in range(_TRIES):
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, to)
        except FileNotFoundError:  # somebody deleted the last file of this folder, and the folder with it
            continue
        except OSError:  # another file system, or one without links
            shutil.copyfile(path, to)
        return
    raise FileNotFoundError(f"{to.parent} goes away again and again")


def _write_through(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, onerror=_unless_overtaken)
    else:
        path.unlink(missing_ok=True)


def _unless_overtaken(_function: object, _path: str, failure: Any) -> None:
    """Let pass that others delete or put at the same time; whatever cannot be deleted must not seem to be."""
    error = failure[1]
    if not isinstance(error, FileNotFoundError) and error.errno != errno.ENOTEMPTY:
        raise error


def _changed(path: Path) -> float:
    """Return when the last file was put at or directly below a path; infinity if it is gone."""
    try:
        return path.stat().st_ctime
    except FileNotFoundError:
        return math.inf


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted since the folder was read
        return 0
