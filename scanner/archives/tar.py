"""Read tar: v7, ustar, GNU and pax, with long names and sparse files. Only ever forwards, nothing is kept.

Python's own tarfile is not used, because it takes a damaged header for the end of the archive, and can be sent
backwards for ever (CVE-2025-8194). Formats: POSIX.1-2017 "pax", and the GNU tar manual, "Tar Internals".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from scanner.archives.entries import CHUNK, Context, Entry, Kind, Stream
from scanner.errors import ArchiveBroken

BLOCK = 512
#: Long names and pax headers are read into memory; real ones have a few hundred bytes.
_LONGEST_HEADER = 1 << 20
_MOST_SPARSE_PARTS = 100_000

_PAX_NAMES = {"path", "linkpath", "size", "mtime"} | {
    f"GNU.sparse.{name}" for name in ("name", "major", "realsize", "size", "map", "offset", "numblocks")
}
_TIME = re.compile(rb"(\d{1,15})(?:\.(\d*))?")

_KINDS = {
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.SPECIAL,
    b"4": Kind.SPECIAL,
    b"5": Kind.FOLDER,
    b"6": Kind.SPECIAL,
    b"D": Kind.FOLDER,
}


@dataclass(slots=True)
class _Extra:
    """What extension headers say of the member that follows them."""

    name: bytes | None = None
    target: bytes | None = None
    pax: dict[str, bytes] = field(default_factory=dict)
    sparse: list[tuple[int, int]] = field(default_factory=list)


def is_header(block: bytes) -> bool:
    """Tell whether a file that begins with these bytes is a tar: its first header's checksum decides."""
    if len(block) < BLOCK or not block[0]:
        return False
    try:
        return _checksum_fits(block)
    except ArchiveBroken:
        return False


def entries(stream: Stream, context: Context) -> Iterator[Entry]:
    """Yield the members of a tar. Raises ArchiveBroken."""
    reader = _Tar(stream, context)
    extra = _Extra()
    shared: dict[str, bytes] = {}
    while (header := reader.header()) is not None:
        type_ = header[156:157]
        if type_ in (b"L", b"K", b"x", b"X", b"g"):
            _extend(type_, reader.text(_size(header[124:136])), extra, shared)
            continue
        yield from _member(reader, header, extra, shared)
        reader.skip_rest()
        extra = _Extra()
    if extra != _Extra():
        raise ArchiveBroken("The archive ends too early: a header is not followed by its file.")


def _extend(type_: bytes, text: bytes, extra: _Extra, shared: dict[str, bytes]) -> None:
    if type_ == b"L":
        extra.name = text.partition(b"\0")[0]
    elif type_ == b"K":
        extra.target = text.partition(b"\0")[0]
    elif type_ == b"g":
        _pax(text, shared, [])
    else:
        _pax(text, extra.pax, extra.sparse)


def _member(reader: _Tar, header: bytes, extra: _Extra, shared: dict[str, bytes]) -> Iterator[Entry]:
    pax = {**shared, **extra.pax}
    type_ = header[156:157]
    name = pax.get("GNU.sparse.name") or pax.get("path") or extra.name or _name(header)
    mtime = _nanoseconds(pax["mtime"]) if "mtime" in pax else _seconds(header[136:148])
    kind = _KINDS.get(type_, Kind.FILE)
    if type_ in (b"0", b"\0") and name.endswith(b"/"):
        kind = Kind.FOLDER  # as tar did before it had a type for them
    size = _integer(pax["size"]) if "size" in pax else _size(header[124:136])
    if type_ == b"V":
        reader.begin(size)  # a label for the tape
        return
    if kind is not Kind.FILE:
        # Links, folders and devices have no content, whatever their size says; a GNU dump's list of names is one.
        reader.begin(size if type_ == b"D" else 0)
        target = pax.get("linkpath") or extra.target or header[157:257].partition(b"\0")[0]
        yield Entry(name, kind, mtime, target if kind in (Kind.SYMLINK, Kind.HARDLINK) else b"")
        return
    if type_ == b"S":
        parts, real_size = reader.old_sparse_map(header)
        reader.begin(size)
        yield Entry(name, kind, mtime, data=_sparse(reader, parts, real_size))
        return
    reader.begin(size)
    if any(key.startswith("GNU.sparse.") for key in pax):
        yield Entry(name, kind, mtime, data=_pax_sparse(reader, pax, extra.sparse))
    else:
        yield Entry(name, kind, mtime, data=reader.content())


class _Tar:
    """The stream in blocks, and how much of the present member is still to come."""

    def __init__(self, stream: Stream, context: Context) -> None:
        self._stream = stream
        self._context = context
        self._left = self._padding = 0

    def header(self) -> bytes | None:
        block = self._stream.read(BLOCK)
        if not block:
            return None
        if len(block) < BLOCK:
            raise ArchiveBroken("The archive ends too early: in the middle of a header.")
        if not block.strip(b"\0"):
            self._drain()
            return None
        if not _checksum_fits(block):
            raise ArchiveBroken("The archive is damaged: the checksum of a header is wrong.")
        return block

    def _drain(self) -> None:
        """Read to the end, so that a decompressor meets its own checksum, and tell of what is hidden there."""
        told = False
        while block := self._stream.read(CHUNK):
            if not told and block.strip(b"\0"):
                told = True
                self._context.remark("Data after the end of an archive was left out", "behind the last entry of a tar")

    def begin(self, size: int) -> None:
        self._left, self._padding = size, -size % BLOCK

    def text(self, size: int) -> bytes:
        if size > _LONGEST_HEADER:
            raise ArchiveBroken("The archive is damaged: one of its headers claims to be very long.")
        self.begin(size)
        text = b"".join(self.content())
        self.skip_rest()
        return text

    def content(self) -> Iterator[bytes]:
        while self._left:
            yield self.take(CHUNK)

    def take(self, size: int) -> bytes:
        """Return the next bytes of the present member, at most ``size``."""
        size = min(size, self._left)
        data = self._stream.read(size)
        if len(data) < size:
            raise ArchiveBroken("The archive ends too early: in the middle of a file.")
        self._left -= size
        return data

    def skip_rest(self) -> None:
        for _ in self.content():
            pass
        # The padding of the very last member may be missing: other readers do not mind either.
        self._stream.read(self._padding)
        self._padding = 0

    def old_sparse_map(self, header: bytes) -> tuple[list[tuple[int, int]], int]:
        """Return the parts that hold data, and the file's real size, of GNU's first sparse format."""
        parts = _old_sparse_parts(header[386:482])
        more, real_size = header[482], _size(header[483:495])
        while more:
            block = self._stream.read(BLOCK)
            if len(block) < BLOCK or len(parts) > _MOST_SPARSE_PARTS:
                raise ArchiveBroken("The archive is damaged: in the map of a sparse file.")
            parts += _old_sparse_parts(block[:504])
            more = block[504]
        return parts, real_size


def _old_sparse_parts(fields: bytes) -> list[tuple[int, int]]:
    pairs = [(fields[at : at + 12], fields[at + 12 : at + 24]) for at in range(0, len(fields), 24)]
    return [(_size(offset), _size(size)) for offset, size in pairs if offset[0] or size[0]]


def _pax_sparse(reader: _Tar, pax: dict[str, bytes], parts: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the content of a sparse file of pax formats 0.0, 0.1 and 1.0."""
    real_size = _integer(pax.get("GNU.sparse.realsize") or pax.get("GNU.sparse.size") or b"0")
    if pax.get("GNU.sparse.major") == b"1":
        parts = _map_in_content(reader)
    elif "GNU.sparse.map" in pax:
        numbers = [_integer(number) for number in pax["GNU.sparse.map"].split(b",")]
        parts = list(zip(numbers[::2], numbers[1::2], strict=False))
    yield from _sparse(reader, parts, real_size)


def _map_in_content(reader: _Tar) -> list[tuple[int, int]]:
    """Read format 1.0's map: decimal numbers on lines of their own, padded to a block, before the data."""
    text = b""
    count: int | None = None
    while True:
        block = reader.take(BLOCK)
        text += block
        lines = text.split(b"\n")[:-1]
        if count is None and lines:
            count = _integer(lines[0])
            if count > _MOST_SPARSE_PARTS:
                raise ArchiveBroken("The archive is damaged: in the map of a sparse file.")
        if count is not None and len(lines) > 2 * count:
            numbers = [_integer(line) for line in lines[1 : 2 * count + 1]]
            return list(zip(numbers[::2], numbers[1::2], strict=True))
        if not block or len(text) > 50 * _MOST_SPARSE_PARTS:
            raise ArchiveBroken("The archive is damaged: in the map of a sparse file.")


def _sparse(reader: _Tar, parts: list[tuple[int, int]], real_size: int) -> Iterator[bytes]:
    position = 0
    for offset, size in [*parts, (real_size, 0)]:
        if offset < position:
            raise ArchiveBroken("The archive is damaged: in the map of a sparse file.")
        yield from _zeros(offset - position)
        left = size
        while left:
            data = reader.take(min(CHUNK, left))
            if not data:
                raise ArchiveBroken("The archive is damaged: a sparse file holds less than its map says.")
            yield data
            left -= len(data)
        position = offset + size


def _zeros(count: int) -> Iterator[bytes]:
    while count > 0:
        yield bytes(min(count, CHUNK))
        count -= CHUNK


def _pax(text: bytes, values: dict[str, bytes], sparse: list[tuple[int, int]]) -> None:
    """Read records of the form "LENGTH KEY=VALUE\\n" into ``values``; format 0.0's sparse map repeats its keys."""
    at = 0
    while at < len(text) and text[at]:
        digits = text[at : at + 20].partition(b" ")[0]
        length = _integer(digits)
        record = text[at : at + length]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if not equals or len(record) != length or not record.endswith(b"\n"):
            raise ArchiveBroken("The archive is damaged: in a pax header.")
        name = key.decode("utf-8", "replace")
        if name == "GNU.sparse.numbytes":
            sparse.append((_integer(values.get("GNU.sparse.offset", b"0")), _integer(value)))
        # Only what is used: these are copied for every member.
        if name in _PAX_NAMES:
            values[name] = value
        at += length


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    if header[257:263] == b"ustar\0" and header[345]:
        return header[345:500].partition(b"\0")[0] + b"/" + name
    return name


def _checksum_fits(block: bytes) -> bool:
    stated = _number(block[148:156])
    rest = block[:148] + b" " * 8 + block[156:]
    # Some old writers added signed characters.
    return stated == sum(rest) or stated == sum(struct.unpack("512b", rest))


def _number(digits: bytes) -> int | None:
    """Return a header's number, octal or in GNU's binary form, and None for an empty field."""
    if digits[0] & 0x80:
        # Two's complement, but the first byte's top bit only says that the number is binary.
        number = int.from_bytes(digits, "big")
        return number - (1 << 8 * len(digits)) if digits[0] == 0xFF else number - (0x80 << 8 * (len(digits) - 1))
    digits = digits.replace(b"\0", b" ").strip()
    if digits.strip(b"01234567"):
        raise ArchiveBroken("The archive is damaged: a header holds no number where there must be one.")
    return int(digits, 8) if digits else None


def _size(digits: bytes) -> int:
    size = _number(digits) or 0
    if size < 0:
        raise ArchiveBroken("The archive is damaged: a header holds a negative size.")
    return size


def _seconds(digits: bytes) -> int | None:
    seconds = _number(digits)
    return None if seconds is None else seconds * 1_000_000_000


def _integer(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise ArchiveBroken("The archive is damaged: an extended header holds no number where there must be one.")
    return int(digits)


def _nanoseconds(text: bytes) -> int | None:
    match = _TIME.fullmatch(text)
    return int(match[1]) * 1_000_000_000 + int((match[2] or b"").ljust(9, b"0")[:9]) if match else None
