"""Ask libmagic without the checks that cannot say anything of a file of text.

Stock asks libmagic twice for each file, for a description and for a MIME type. For text nearly all of its time goes
into compiling some fifty regular expressions, which libmagic does anew each time, and into three thousand checks, to
find that they do not match. Here the start of the file tells which checks could match at all (see ``magic_database``);
libmagic gets a database without the others. The answer is the same since a check that does not match prints nothing.
Expressions that take long to compile are written in a shorter way where that matches the same (see
``magic_expressions``). The parts of a database that others refer to by name stay in a database of their own beside it,
where libmagic looks for them as well.

The MIME type is not asked for where the description names nothing but an encoding: libmagic says text/plain unless a
check knows better, and every check that knows a type has a description as well.

libmagic looks at text once more after it has brought it to UTF-8, which changes nothing in what is UTF-8 already. All
else is shown to the whole database: what is not UTF-8, starts with a byte order mark, or has a control character that
libmagic does not expect in text; so are files that cannot be read.
"""

from __future__ import annotations

import ctypes
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import ahocorasick
from typecode import magic2

from scanner.engine.speedups import Replacement, magic_database
from scanner.engine.speedups.magic_database import HEAD_BYTES, NEEDED_WITHIN_BYTES, Check

#: As much of a file as libmagic reads, in bytes.
_READ_BYTES = 1024 * 1024
#: As much as shows for most binary files that they are.
_FIRST_BYTES = 4096
#: The bytes of text for libmagic.
_TEXT = bytes([7, 8, 9, 10, 12, 13, 27, *range(32, 127), *range(128, 256)])
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")

#: Databases that are kept, before starting anew; one takes about 1 MB.
DATABASES_KEPT = 25

_stock_detect = magic2._detect
_magic_load_buffers = magic2.libmagic.magic_load_buffers
_magic_load_buffers.restype = ctypes.c_int
_magic_load_buffers.argtypes = [
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.c_size_t,
]
_magic_load_buffers.errcheck = magic2.check_error


_Buffer = ctypes.Array[ctypes.c_char]


class BufferDetector(magic2.Detector):
    """A libmagic detector with its database in memory, in parts."""

    def __init__(self, flags: int, parts: list[_Buffer]) -> None:
        self.flags = flags
        self.cookie = magic2._magic_open(flags)
        self.parts = parts  # libmagic does not copy them.
        addresses = (ctypes.c_void_p * len(parts))(*map(ctypes.addressof, parts))
        sizes = (ctypes.c_size_t * len(parts))(*map(len, parts))
        _magic_load_buffers(self.cookie, addresses, sizes, len(parts))


class SmallDatabases:
    """Databases with those checks only that some file needs, and detectors with them."""

    def __init__(self, compiled: bytes) -> None:
        self._database = magic_database.parse(compiled)
        checks = self._database.checks if self._database else ()
        self.types_are_described = bool(self._database and self._database.types_are_described())
        self._named = _buffer(magic_database.compiled_names(self._database)) if self._database else None
        self._detectors: dict[frozenset[Check], dict[int, BufferDetector]] = {}
        self._by_text: dict[str, list[Check]] = {}
        self._texts = ahocorasick.Automaton()
        by_place: dict[tuple[int, int], dict[bytes, list[Check]]] = {}
        by_masked_place: dict[tuple[int, int, int], dict[int, list[Check]]] = {}
        for check in checks:
            if check.exact and check.mask:
                offset, value = check.exact
                masked_place = offset, len(value), int.from_bytes(check.mask)
                by_masked_place.setdefault(masked_place, {}).setdefault(int.from_bytes(value), []).append(check)
            elif check.exact:
                offset, value = check.exact
                by_place.setdefault((offset, len(value)), {}).setdefault(value, []).append(check)
            elif check.needs:
                text = check.needs.decode("latin-1")
                self._by_text.setdefault(text, []).append(check)
                self._texts.add_word(text, text)
        self._texts.make_automaton()
        # Made one after the other, so that they lie together: every child goes through them all.
        self._places = [
            (offset, offset + length, length, by_value.get) for (offset, length), by_value in by_place.items()
        ]
        self._masked_places = [
            (offset, offset + length, length, mask, by_value.get)
            for (offset, length, mask), by_value in by_masked_place.items()
        ]

    def needed(self, content: bytes) -> frozenset[Check] | None:
        """Return the checks that may say something of a file, among those that can be left out; None: ask all."""
        if self._database is None or not is_plain(content):
            return None
        found: list[Check] = []
        for start, end, length, checks_of in self._places:
            found += checks_of(content[start:end].ljust(length, b"\0"), ())
        for start, end, length, mask, with_number in self._masked_places:
            found += with_number(int.from_bytes(content[start:end].ljust(length, b"\0")) & mask, ())
        head = b"\n" + content[:HEAD_BYTES]
        lowered = head[:NEEDED_WITHIN_BYTES].lower().decode("latin-1")
        for text in {text for _, text in self._texts.iter(lowered)}:
            found += (check for check in self._by_text[text] if check.may_match(head))
        return frozenset(check.for_head(head) for check in found)

    def detector(self, needed: frozenset[Check], flags: int) -> BufferDetector:
        """Return a detector with the database but for the checks that can be left out and are not needed."""
        assert self._database is not None
        assert self._named is not None
        if needed not in self._detectors and len(self._detectors) >= DATABASES_KEPT:
            self._detectors.clear()
        detectors = self._detectors.setdefault(needed, {})
        if flags not in detectors:
            known = next(iter(detectors.values()), None)
            parts = known.parts if known else [self._named, _buffer(self._database.only(needed))]
            detectors[flags] = BufferDetector(flags, parts)
        return detectors[flags]


def _buffer(data: bytearray) -> _Buffer:
    return (ctypes.c_char * len(data)).from_buffer(data)


def is_plain(content: bytes) -> bool:
    """Tell whether what is read of a file is UTF-8 without byte order mark and without unusual control characters."""
    if content.translate(None, _TEXT) or content.startswith(_BYTE_ORDER_MARKS):
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may be cut in two where libmagic stops to read.
        return len(content) == _READ_BYTES and error.reason == "unexpected end of data"
    return True


@cache
def small_databases() -> SmallDatabases:
    """Return the small databases, made once."""
    location = magic2.get_magicdb_location()
    return SmallDatabases(Path(os.fsdecode(location)).read_bytes() if location else b"")


@dataclass
class _File:
    """What is known of the file that was asked for last."""

    location: str
    content: bytes
    needed: frozenset[Check] | None
    description: str | None = None


_last = _File("", b"", None)
_only_text = re.compile(r"(?:ASCII|UTF-8 Unicode) text(?:, with .*)?").fullmatch


def detect(location: str, flags: int) -> Any:
    """Return what libmagic says of a file, or an empty string. Raise MagicException on errors."""
    file = _file(location)
    if file is None or file.needed is None or flags not in (magic2.DETECT_TYPE, magic2.DETECT_MIME):
        return _stock_detect(location, flags)
    if flags == magic2.DETECT_TYPE:
        return _describe(file)
    # Nothing but the encoding was found, or else it would be named again at the end.
    description = _describe(file)
    if small_databases().types_are_described and _only_text(description) and description.count("text") == 1:
        return "text/plain"
    return _ask(file, flags)


def _describe(file: _File) -> str:
    if file.description is None:
        file.description = _ask(file, magic2.DETECT_TYPE)
    return file.description


def _ask(file: _File, flags: int) -> str:
    assert file.needed is not None
    value = small_databases().detector(file.needed, flags).get(file.location) or b""
    return " ".join(value.decode("ascii", "ignore").strip().split())


def _file(location: str) -> _File | None:
    """Return what is known of a file after reading what libmagic reads, or None if it cannot be read."""
    global _last
    try:
        with open(location, "rb") as file:  # noqa: PTH123 - a location is a text, once per file.
            content = file.read(_FIRST_BYTES)
            if not content.translate(None, _TEXT):
                # To ask for more than there is makes room for all that is asked for.
                content += file.read(min(_READ_BYTES, os.fstat(file.fileno()).st_size) - len(content))
    except (OSError, ValueError):
        return None
    if _last.location != location or _last.content != content:
        _last = _File(location, content, small_databases().needed(content))
    return _last


REPLACEMENTS = (
    Replacement(
        "typecode.magic2",
        "_detect",
        "a92c9574f640b941",
        detect,
        relies_on={
            "typecode.magic2:Detector": "61a517bf35efea6e",
            "typecode.magic2:get_magicdb_location": "4070aa5168ccd773",
        },
    ),
)
