"""Archives for the tests: honest ones of every format, and the means to make dishonest ones byte by byte."""

from __future__ import annotations

import ctypes
import gzip
import io
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from ctypes import c_char_p, c_int, c_int64, c_size_t, c_uint, c_void_p
from dataclasses import dataclass
from pathlib import Path

from scanner.archives import native

Files = Mapping[str, bytes]
WHEN = 1_600_000_000


@dataclass(frozen=True)
class Member:
    """One member of a tar, any field of it as wrong as one likes."""

    name: bytes
    data: bytes = b""
    type: bytes = b"0"
    target: bytes = b""
    size: int | None = None
    mtime: int = WHEN


def tar_header(member: Member) -> bytes:
    size = len(member.data) if member.size is None else member.size
    header = bytearray(512)
    header[:100] = member.name[:100].ljust(100, b"\0")
    header[100:108], header[108:116], header[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    header[124:136] = b"%011o\0" % size if size >= 0 else b"\xff" * 4 + size.to_bytes(8, "big", signed=True)
    header[136:148] = b"%011o\0" % member.mtime
    header[156:157] = member.type
    header[157:257] = member.target[:100].ljust(100, b"\0")
    header[257:265] = b"ustar\00000"
    return bytes(checked(header))


def checked(header: bytearray) -> bytearray:
    """Put the right checksum into a tar header."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return header


def tar(*members: Member | bytes, end: bool = True) -> bytes:
    """Pack members; bytes among them go in as they are."""
    packed = b"".join(
        m if isinstance(m, bytes) else tar_header(m) + m.data + bytes(-len(m.data) % 512) for m in members
    )
    return packed + bytes(1024 if end else 0)


def sparse(name: bytes, parts: Iterable[tuple[int, int]], real_size: int, data: bytes = b"") -> bytes:
    """Return a member of GNU's first sparse format: ``parts`` are (offset, size) of what ``data`` holds."""
    header = bytearray(tar_header(Member(name, data, b"S")))
    header[257:265] = b"ustar  \0"
    header[345:] = bytes(167)
    for number, (offset, size) in enumerate(parts):
        header[386 + 24 * number : 410 + 24 * number] = _binary(offset) + _binary(size)
    header[483:495] = _binary(real_size)
    return bytes(checked(header)) + data + bytes(-len(data) % 512)


def _binary(number: int) -> bytes:
    return b"\x80" + number.to_bytes(11, "big")


def long_name(name: bytes) -> Member:
    """Return GNU tar's header for a name of more than 100 bytes, to go before the member itself."""
    return Member(b"././@LongLink", name + b"\0", b"L")


def pax(**records: bytes) -> Member:
    return Member(
        b"PaxHeader", b"".join(_record(key.replace("__", "."), value) for key, value in records.items()), b"x"
    )


def _record(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + 1
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def tar_of(files: Files) -> bytes:
    return tar(*(Member(name.encode(), data) for name, data in files.items()))


@dataclass(frozen=True)
class Zipped:
    """One member of a zip; what is None is what it should be."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    packed: bytes | None = None
    size: int | None = None
    crc: int | None = None
    mode: int = 0o100644
    system: int = 3
    attributes: int | None = None
    offset: int | None = None
    extra: bytes = b""


def zip_(*members: Zipped, prefix: bytes = b"", comment: bytes = b"", count: int | None = None, disk: int = 0) -> bytes:
    body, central = bytearray(prefix), bytearray()
    for member in members:
        packed = _packed(member) if member.packed is None else member.packed
        size = len(member.data) if member.size is None else member.size
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        offset = len(body) - len(prefix) if member.offset is None else member.offset
        if member.offset is None:
            name = member.name if member.local_name is None else member.local_name
            method = member.method if member.local_method is None else member.local_method
            flags = member.flags if member.local_flags is None else member.local_flags
            body += struct.pack(
                "<4s5H3L2H", b"PK\3\4", 20, flags, method, 0, 0x5000, crc, len(packed), size, len(name), 0
            )
            body += name + packed
        attributes = member.mode << 16 if member.attributes is None else member.attributes
        central += struct.pack(
            "<4s2B5H3L5H2L", b"PK\1\2", 20, member.system, 20, member.flags, member.method, 0, 0x5000, crc,
            len(packed), size, len(member.name), len(member.extra), 0, 0, 0, attributes, offset,
        )  # fmt: skip
        central += member.name + member.extra
    count = len(members) if count is None else count
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", disk, disk, count, count, len(central), len(body) - len(prefix), len(comment)
    )
    return bytes(body + central) + end + comment


def with_large_end(whole: bytes) -> bytes:
    """Return a zip with the numbers of its end record in a zip64 record instead."""
    at = whole.index(b"PK\5\6")
    count, size, offset = struct.unpack_from("<H2L", whole, at + 10)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    return (
        whole[:at]
        + record
        + locator
        + struct.pack("<4s2H2H2LH", b"PK\5\6", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0)
    )


def _packed(member: Zipped) -> bytes:
    if member.method != 8:
        return member.data
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(member.data) + compressor.flush()


def zip_of(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 9, 13, 12, 26, 40)), data, compress_type=method)
    return packed.getvalue()


@dataclass(frozen=True)
class Item:
    """One entry for libarchive to write."""

    name: bytes
    data: bytes = b""
    type: int = 0o100000
    link: bytes = b""


def by_libarchive(format_: str, items: Iterable[Item] | Files, *filters: str) -> bytes:
    """Pack with the libarchive that extractcode brings; ``format_`` and ``filters`` are its names for them."""
    lib = native.library()
    lib.archive_write_new.restype = lib.archive_entry_new.restype = c_void_p
    archive = c_void_p(lib.archive_write_new())
    for setting in [f"set_format_{format_}", *(f"add_filter_{name}" for name in filters)]:
        function = getattr(lib, f"archive_write_{setting}")
        function.argtypes = [c_void_p]
        assert function(archive) in (0, -20), setting
    lib.archive_write_open_filename.argtypes = [c_void_p, c_char_p]
    lib.archive_write_data.argtypes = [c_void_p, c_char_p, c_size_t]
    if isinstance(items, Mapping):
        items = [Item(name.encode(), data) for name, data in items.items()]
    with tempfile.NamedTemporaryFile() as file:
        assert lib.archive_write_open_filename(archive, file.name.encode()) == 0
        for item in items:
            entry = _libarchive_entry(lib, item, format_)
            lib.archive_write_header.argtypes = [c_void_p, c_void_p]
            assert lib.archive_write_header(archive, entry) in (0, -20)
            assert lib.archive_write_data(archive, item.data, len(item.data)) == len(item.data)
            lib.archive_entry_free.argtypes = [c_void_p]
            lib.archive_entry_free(entry)
        lib.archive_write_close.argtypes = lib.archive_write_free.argtypes = [c_void_p]
        assert lib.archive_write_close(archive) == 0
        lib.archive_write_free(archive)
        return Path(file.name).read_bytes()


def _libarchive_entry(lib: ctypes.CDLL, item: Item, format_: str) -> c_void_p:
    entry = c_void_p(lib.archive_entry_new())
    for name, types, value in [
        ("set_filetype", [c_uint], item.type),
        ("set_perm", [c_int], 0o644),
        ("set_mtime", [c_int64, ctypes.c_long], None),
        ("set_size", [c_int64], len(item.data)),
        ("copy_pathname", [c_char_p], item.name),
    ]:
        if format_ == "raw" and name != "set_filetype":
            continue
        function = getattr(lib, f"archive_entry_{name}")
        function.argtypes = [c_void_p, *types]
        function(entry, *((WHEN, 0) if value is None else (value,)))
    if item.link:
        lib.archive_entry_set_symlink.argtypes = [c_void_p, c_char_p]
        lib.archive_entry_set_symlink(entry, item.link)
    return entry


def rpm(files: Files) -> bytes:
    """Return a lead, two empty headers and a compressed cpio: all that is read of an RPM package."""
    lead = b"\xed\xab\xee\xdb\3\0" + bytes(90)
    header = b"\x8e\xad\xe8\1" + bytes(12)
    return lead + header + header + gzip.compress(by_libarchive("cpio_newc", files), mtime=0)


def ar(files: Files) -> bytes:
    """Return a Unix archive, the outside of a Debian package."""
    packed = b"!<arch>\n"
    for name, data in files.items():
        packed += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), WHEN, 0, 0, b"100644", len(data))
        packed += data + b"\n" * (len(data) % 2)
    return packed


def cab(files: Files) -> bytes:
    """Return a Microsoft cabinet with its files uncompressed, in one folder of one block each 32 kB (MS-CAB)."""
    content = b"".join(files.values())
    blocks = [content[at : at + 32_768] for at in range(0, len(content), 32_768)]
    names = [name.encode() + b"\0" for name in files]
    table_at = 36 + 8
    data_at = table_at + sum(16 + len(name) for name in names)
    table, at = b"", 0
    for name, data in zip(names, files.values(), strict=True):
        table += struct.pack("<2L4H", len(data), at, 0, 0x512D, 0x6354, 0x20) + name
        at += len(data)
    data = b"".join(struct.pack("<L2H", 0, len(block), len(block)) + block for block in blocks)
    size = data_at + len(data)
    header = struct.pack("<4s5L2B5H", b"MSCF", 0, size, 0, table_at, 0, 3, 1, 1, len(files), 0, 0, 0)
    return header + struct.pack("<L2H", data_at, len(blocks), 0) + table + data


def rar(files: Files, flags: int = 0) -> bytes:
    """Return a RAR 4 archive with its files stored."""
    packed = b"Rar!\x1a\7\0" + _rar_block(0x73, flags, bytes(6))
    for name, data in files.items():
        encoded = name.replace("/", "\\").encode()
        fields = struct.pack(
            "<2LBLL2BHL", len(data), len(data), 3, zlib.crc32(data), 0x512D6354, 20, 0x30, len(encoded), 0o100644
        )
        packed += _rar_block(0x74, 0x8000, fields + encoded) + data
    return packed + _rar_block(0x7B, 0x4000, b"")


def _rar_block(type_: int, flags: int, fields: bytes) -> bytes:
    block = struct.pack("<BHH", type_, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(block) & 0xFFFF) + block


def rar5(files: Files) -> bytes:
    """Return a RAR 5 archive with its files stored."""
    packed = b"Rar!\x1a\7\1\0" + _rar5_block(b"\1\0\0")
    for name, data in files.items():
        fields = _vint(6) + _vint(len(data)) + _vint(0o100644) + struct.pack("<2L", WHEN, zlib.crc32(data))
        fields += _vint(0) + _vint(1) + _vint(len(name.encode())) + name.encode()
        packed += _rar5_block(b"\2\2" + _vint(len(data)) + fields) + data
    return packed + _rar5_block(b"\5\0\0")


def _rar5_block(fields: bytes) -> bytes:
    block = _vint(len(fields)) + fields
    return struct.pack("<L", zlib.crc32(block)) + block


def _vint(number: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def xar(files: Files, contents: str | None = None) -> bytes:
    heap, members = b"", ""
    for name, data in files.items():
        packed = zlib.compress(data)
        entry = (
            f"<name>{name.rpartition('/')[2]}</name><type>file</type><mtime>2020-09-13T12:26:40Z</mtime><data>"
            f"<offset>{len(heap)}</offset><size>{len(data)}</size><length>{len(packed)}</length>"
            '<encoding style="application/x-gzip"/></data>'
        )
        for folder in reversed(name.split("/")[:-1]):
            entry = f"<name>{folder}</name><type>directory</type><file>{entry}</file>"
        members += f"<file>{entry}</file>"
        heap += packed
    text = (contents or f'<?xml version="1.0" encoding="UTF-8"?><xar><toc>{members}</toc></xar>').encode()
    packed = zlib.compress(text)
    return struct.pack(">4s2H2QL", b"xar!", 28, 1, len(packed), len(text), 0) + packed + heap


def python_tar(files: Files, **options: object) -> bytes:
    """Pack with Python's own tarfile: another maker than ``tar`` above."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, **options) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), WHEN
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()
