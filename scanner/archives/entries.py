"""What readers of archives yield, whatever the format: one entry after the other, its content as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol

#: The most that readers hand on in one piece, bytes.
CHUNK = 1 << 17


class Kind(StrEnum):
    FILE = "files"
    FOLDER = "folders"
    SYMLINK = "symbolic links"
    HARDLINK = "hard links"
    SPECIAL = "devices, pipes and sockets"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of an archive, as the archive states it: nothing in it has been judged yet."""

    name: bytes  #: "/" between folders
    kind: Kind
    mtime: int | None = None  #: nanoseconds since 1970
    target: bytes = b""  #: of a link, as written in the archive
    data: Iterable[bytes] = ()  #: of a file; must be read, or left, before the next entry is asked for


class Stream(Protocol):
    """A source of bytes that only moves forward."""

    def read(self, size: int, /) -> bytes:
        """Return exactly ``size`` bytes, or fewer only at the end."""


class Slice:
    """A part of a file as a stream, whatever else is read from the file meanwhile."""

    def __init__(self, file: BinaryIO, begin: int, size: int) -> None:
        self._file, self._at, self._end = file, begin, begin + size

    def read(self, size: int, /) -> bytes:
        self._file.seek(self._at)
        data = self._file.read(min(size, self._end - self._at))
        self._at += len(data)
        return data


class Context(Protocol):
    """What a reader is told of the scan, and what it tells back."""

    @property
    def memory(self) -> int:
        """The most memory that a decompressor may take, bytes."""

    def produced(self, count: int) -> None:
        """Count bytes that came out of a decompressor. Raises LimitExceeded."""

    def expect(self, count: int) -> None:
        """Say that an archive holds at least so many files. Raises LimitExceeded."""

    def leave_out(self, what: str, name: str) -> None:
        """Keep a note of an entry that is not yielded, and count it. Raises LimitExceeded."""

    def remark(self, what: str, name: str) -> None:
        """Keep a note for the report, such as ("Encrypted files were left out", "secret.txt")."""


#: Reads an archive that was opened for binary reading and can be moved in.
Reader = Callable[..., Iterator[Entry]]
