"""What a case of the table is, and what its parts share: see hostile.py, bombs.py and damaged.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from scanner.errors import ArchiveBroken, ArchiveRefused, LimitExceeded, ScannerError
from tests.scanner.archives.making import Member, Zipped, tar, zip_

GOOD = Member(b"pkg/good", b"good")
GOOD_ZIP = Zipped(b"pkg/good", b"good")
EVIL = b"evil"


@dataclass(frozen=True)
class Case:
    """One archive. It either raises ``error`` with a sentence that holds ``says``, or unpacks to ``files``."""

    make: Callable[[], bytes]
    error: type[ScannerError] | None = None
    says: str = ""  #: in the sentence, or in one of the notes
    files: frozenset[str] | None = None
    limits: dict[str, int] = field(default_factory=dict)
    name: str = "archive.bin"


CASES: dict[str, Case] = {}


def refused(name: str, says: str, make: Callable[[], bytes], **limits: int) -> None:
    _add(name, Case(make, ArchiveRefused, says, limits=limits))


def broken(name: str, says: str, make: Callable[[], bytes], **limits: int) -> None:
    _add(name, Case(make, ArchiveBroken, says, limits=limits))


def limited(name: str, says: str, make: Callable[[], bytes], **limits: int) -> None:
    _add(name, Case(make, LimitExceeded, says, limits=limits))


def unpacked(name: str, files: set[str] | None, says: str, make: Callable[[], bytes], **limits: int) -> None:
    _add(name, Case(make, None, says, None if files is None else frozenset(files), limits))


def _add(name: str, case: Case) -> None:
    assert name not in CASES, name
    CASES[name] = case


def link(name: bytes, target: bytes) -> Member:
    return Member(name, type=b"2", target=target)


@cache
def zeros(count: int) -> bytes:
    return bytes(count)


def zip_and_tar() -> bytes:
    """Return a tar whose first member's name is the start of a zip, with a zip behind it."""
    return tar(Member(b"PK\3\4\x14", EVIL)) + zip_(GOOD_ZIP)
