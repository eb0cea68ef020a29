"""Read zip, by its central directory, after holding that against the local headers and every member against the others.

Python's own zipfile is not used: what it checks differs from version to version, it keeps every member in memory and
gives up at the first name that is not what its flag says. Format: PKWARE's APPNOTE.TXT 6.3.10, named by section below.
"""

from __future__ import annotations

import bz2
import itertools
import lzma
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from scanner.archives import names
from scanner.archives.entries import CHUNK, Context, Entry, Kind, Slice, Stream
from scanner.archives.streams import Decompressed, Deflate
from scanner.errors import ArchiveBroken, ArchiveRefused

_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_LOCAL = struct.Struct("<4s2B4H3L2H")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LONGEST_COMMENT = 65_535
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF

_ENCRYPTED, _SIZES_FOLLOW, _PATCH, _STRONG, _MASKED = 1 << 0, 1 << 3, 1 << 5, 1 << 6, 1 << 13
_LZMA_END_MARK = 1 << 1
_STORED, _DEFLATED, _BZIP2, _LZMA, _XZ = 0, 8, 12, 14, 95
_LONGEST_TARGET = 65_536
#: Systems that wrote "\\" between folders: FAT, OS/2, NTFS, VFAT (section 4.4.2).
_BACKSLASH_SYSTEMS = (0, 6, 10, 11, 14)
_UNIX_SYSTEMS = (3, 19)
_DOS_FOLDER = 0x10


@dataclass(frozen=True, slots=True)
class _Member:
    """What the central directory says of one member."""

    name: bytes
    system: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    attributes: int
    when: int | None
    extra: dict[int, bytes]


def entries(file: BinaryIO, context: Context) -> Iterator[Entry]:
    """Yield the members of a zip. Raises ArchiveBroken, and ArchiveRefused where it contradicts itself."""
    directory = _find_directory(file, context)
    spans: list[tuple[int, int]] = []
    files = 0
    for member in _members(file, directory):
        spans.append((member.offset, _check_local(file, member, directory) + member.packed))
        files += not member.name.endswith(b"/")
        context.expect(files)
    _check_spans(spans)
    for member in _members(file, directory):
        yield from _entry(file, member, _check_local(file, member, directory), context)


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory lies."""

    start: int
    size: int
    prefix: int  #: bytes in front of the zip, such as the script of a zipapp; all offsets count from behind them
    count: int


def _find_directory(file: BinaryIO, context: Context) -> _Directory:
    length = file.seek(0, 2)
    tail_at = max(0, length - _END.size - _LONGEST_COMMENT)
    file.seek(tail_at)
    tail = file.read()
    at, trailing = _last_record(tail)
    if trailing.strip(b"\0"):
        context.remark("Data after the end of an archive was left out", "behind a zip")
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, at)
    end = tail_at + at
    file.seek(max(0, end - _LOCATOR_64.size))
    if file.read(4) == b"PK\6\7":
        end -= _LOCATOR_64.size + _END_64.size
        short = (disk, first_disk, here, count, size, offset)
        disk, first_disk, here, count, size, offset = _large_record(file, end, short)
    if disk or first_disk or here != count:
        raise ArchiveRefused("The file is one part of an archive that was split.")
    start = end - size
    if start < offset:
        raise ArchiveBroken("The archive is damaged: its directory does not lie where it should.")
    file.seek(0)
    if start > offset and file.read(2) == b"PK":
        raise ArchiveRefused("The file is two archives at once: a zip behind a zip.")
    return _Directory(start, size, start - offset, count)


def _large_record(file: BinaryIO, at: int, short: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers of the zip64 record at the end, which stands for the short one's where those are full."""
    file.seek(max(0, at))
    record = file.read(_END_64.size)
    if at < 0 or record[:4] != b"PK\6\6":
        raise ArchiveBroken("The archive is damaged: the record at the end of a large zip is missing.")
    long = _END_64.unpack(record)[4:]
    for full, one, other in zip((_FULL_16,) * 4 + (_FULL_32,) * 2, short, long, strict=True):
        if one not in (full, other):
            raise ArchiveRefused("The archive contradicts itself: two records at its end differ.")
    return long


def _last_record(tail: bytes) -> tuple[int, bytes]:
    """Return where in ``tail`` the end record is, and what follows it and its comment."""
    found: list[int] = []
    fitting: list[int] = []
    at = tail.find(b"PK\5\6")
    while at >= 0 and at + _END.size <= len(tail):
        comment_end = at + _END.size + _END.unpack_from(tail, at)[-1]
        if comment_end <= len(tail):
            found.append(at)
        if comment_end == len(tail):
            fitting.append(at)
        at = tail.find(b"PK\5\6", at + 1)
    if len(fitting) > 1:
        raise ArchiveRefused("The archive contradicts itself: it has two directories.")
    if not found:
        raise ArchiveBroken("The archive ends too early: its directory is missing.")
    at = (fitting or found)[-1]
    return at, tail[at + _END.size + _END.unpack_from(tail, at)[-1] :]


def _members(file: BinaryIO, directory: _Directory) -> Iterator[_Member]:
    at, end = directory.start, directory.start + directory.size
    number = 0
    while at < end:
        file.seek(at)
        fixed = file.read(_CENTRAL.size)
        if len(fixed) < _CENTRAL.size or fixed[:4] != b"PK\1\2":
            raise ArchiveBroken("The archive is damaged: in its directory.")
        name_size, extra_size, comment_size = struct.unpack_from("<3H", fixed, 28)
        variable = file.read(name_size + extra_size)
        at += _CENTRAL.size + name_size + extra_size + comment_size
        if at > end:
            raise ArchiveBroken("The archive is damaged: in its directory.")
        yield _member(fixed, variable[:name_size], variable[name_size:], directory)
        number += 1
    if number != directory.count:
        raise ArchiveRefused("The archive contradicts itself: it holds more or fewer members than it says.")


def _member(fixed: bytes, name: bytes, extra: bytes, directory: _Directory) -> _Member:
    (_, _, system, _, _, flags, method, time, date, crc, packed, size, _, _, _, disk, _, attributes, offset) = (
        _CENTRAL.unpack(fixed)
    )
    fields = _extra_fields(extra)
    large = fields.get(1, b"")
    for number in (size, packed, offset):
        if number == _FULL_32 and len(large) < 8:
            raise ArchiveBroken("The archive is damaged: the size of a large member is missing.")
    if size == _FULL_32:
        size, large = int.from_bytes(large[:8], "little"), large[8:]
    if packed == _FULL_32:
        packed, large = int.from_bytes(large[:8], "little"), large[8:]
    if offset == _FULL_32:
        offset = int.from_bytes(large[:8], "little")
    if disk not in (0, _FULL_16):
        raise ArchiveRefused("The file is one part of an archive that was split.")
    when = _when(fields, date, time)
    return _Member(name, system, flags, method, crc, packed, size, offset + directory.prefix, attributes, when, fields)


def _check_local(file: BinaryIO, member: _Member, directory: _Directory) -> int:
    """Return where a member's content begins, after its own header agreed with the directory."""
    file.seek(member.offset)
    fixed = file.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size or fixed[:4] != b"PK\3\4":
        raise ArchiveBroken(f"The archive is damaged: {names.shown(member.name)} is not where its directory says.")
    _, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack(fixed)
    name = file.read(name_size)
    agrees = name == member.name and method == member.method and not (flags ^ member.flags) & _ENCRYPTED
    if not flags & _SIZES_FOLLOW and not flags & _MASKED:
        agrees &= crc == member.crc
        agrees &= packed in (member.packed, _FULL_32) and size in (member.size, _FULL_32)
    if not agrees:
        raise ArchiveRefused(f"The archive contradicts itself about {names.shown(member.name)}.")
    begin = member.offset + _LOCAL.size + name_size + extra_size
    if begin + member.packed > directory.start:
        raise ArchiveRefused(f"The archive contradicts itself about where {names.shown(member.name)} ends.")
    return begin


def _check_spans(spans: list[tuple[int, int]]) -> None:
    """Raise ArchiveRefused where members share bytes, the way of bombs like 42.zip's successors (Fifield 2019)."""
    spans.sort()
    for (_, end), (begin, _) in itertools.pairwise(spans):
        if begin < end:
            raise ArchiveRefused("Members of the archive overlap: it is made to unpack to far more than it holds.")


def _entry(file: BinaryIO, member: _Member, begin: int, context: Context) -> Iterator[Entry]:
    name = _full_name(member)
    mode = member.attributes >> 16 if member.system in _UNIX_SYSTEMS else 0
    is_folder = name.endswith(b"/") or stat.S_ISDIR(mode) or bool(member.attributes & _DOS_FOLDER and not member.size)
    if is_folder:
        if member.size:
            context.remark("Content of folders was left out", names.shown(name))
        yield Entry(name, Kind.FOLDER, member.when)
    elif member.flags & (_ENCRYPTED | _STRONG | _MASKED):
        context.leave_out("Encrypted files were left out", names.shown(name))
    elif member.method not in _METHODS or member.flags & _PATCH:
        context.leave_out("Files compressed in a way that is not supported were left out", names.shown(name))
    elif stat.S_ISLNK(mode):
        target = b"".join(_content(file, member, begin, context)) if member.size <= _LONGEST_TARGET else b"?"
        yield Entry(name, Kind.SYMLINK, member.when, target)
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        yield Entry(name, Kind.SPECIAL, member.when)
    else:
        yield Entry(name, Kind.FILE, member.when, data=_content(file, member, begin, context))


def _content(file: BinaryIO, member: _Member, begin: int, context: Context) -> Iterator[bytes]:
    stream = _stream(Slice(file, begin, member.packed), member, context)
    size = crc = 0
    while data := stream.read(min(CHUNK, member.size - size + 1)):
        size += len(data)
        if size > member.size:
            break
        crc = zlib.crc32(data, crc)
        yield data
    if size != member.size or crc != member.crc:
        raise ArchiveBroken(f"The archive is damaged: {names.shown(member.name)} is not what its checksum says.")


def _stream(packed: Stream, member: _Member, context: Context) -> Stream:
    if member.method == _STORED:
        return packed
    if member.method == _LZMA:
        header = packed.read(4)
        properties = packed.read(int.from_bytes(header[2:], "little") & 0xFF)
        # The same stream with the header of an .lzma file in front; a size of all ones means: until its end mark.
        size = b"\xff" * 8 if member.flags & _LZMA_END_MARK else member.size.to_bytes(8, "little")
        make = _METHODS[_LZMA](context)
        return Decompressed(packed, make, None, context, properties + size)
    return Decompressed(packed, _METHODS[member.method](context), None, context)


_METHODS: dict[int, Callable[[Context], Callable[[], Any]]] = {
    _STORED: lambda _: lambda: None,
    _DEFLATED: lambda _: lambda: Deflate(-15),
    _BZIP2: lambda _: bz2.BZ2Decompressor,
    _LZMA: lambda context: lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, context.memory),
    _XZ: lambda context: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, context.memory),
}


def _full_name(member: _Member) -> bytes:
    """Return the name in UTF-8 if the zip has that too (section 4.6.9), with "/" between folders."""
    unicode_path = member.extra.get(0x7075, b"")
    name = member.name
    if unicode_path[:1] == b"\1" and unicode_path[1:5] == zlib.crc32(name).to_bytes(4, "little"):
        name = unicode_path[5:]
    return name.replace(b"\\", b"/") if member.system in _BACKSLASH_SYSTEMS else name


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    while len(extra) >= 4:
        number, size = struct.unpack_from("<2H", extra)
        fields.setdefault(number, extra[4 : 4 + size])
        extra = extra[4 + size :]
    return fields


def _when(extra: dict[int, bytes], date: int, time: int) -> int | None:
    """Return the time of a member: to the second and in UTC if the zip has it so, else its local time as if in UTC."""
    unix = extra.get(0x5455, b"")
    if len(unix) >= 5 and unix[0] & 1:
        return int.from_bytes(unix[1:5], "little", signed=True) * 1_000_000_000
    try:
        local = datetime(
            1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, 2 * (time & 31), tzinfo=UTC
        )
    except ValueError:
        return None
    return int(local.timestamp()) * 1_000_000_000
