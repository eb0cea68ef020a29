"""What a file is, from its bytes: its name and what a server said of it do not count."""

from __future__ import annotations

import re
import struct
from enum import StrEnum
from typing import BinaryIO

from scanner.archives import tar
from scanner.errors import ArchiveRefused

#: How many bytes from the start decide all kinds but ISO images and programs with a zip behind them.
HEAD = 512
_ISO_OFFSET = 32_769
#: A zip's last record and the longest comment that can follow it, bytes.
_ZIP_TAIL = 22 + 65_535
_ZIP_END = b"PK\x05\x06"


class ArchiveKind(StrEnum):
    """What can be opened, with the word for it in sentences."""

    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZMA = "lzma"
    ZSTD = "zstd"
    LZ4 = "lz4"
    LZIP = "lzip"
    COMPRESS = "compress"
    TAR = "tar"
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    CAB = "cab"
    XAR = "xar"
    AR = "ar"
    RPM = "rpm"
    CPIO = "cpio"
    ISO = "iso"


#: These hold one stream of bytes: a tar, or a single file.
COMPRESSED = frozenset(
    {
        ArchiveKind.GZIP,
        ArchiveKind.BZIP2,
        ArchiveKind.XZ,
        ArchiveKind.LZMA,
        ArchiveKind.ZSTD,
        ArchiveKind.LZ4,
        ArchiveKind.LZIP,
        ArchiveKind.COMPRESS,
    }
)

_MAGIC: tuple[tuple[re.Pattern[bytes], ArchiveKind], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (rb"\x1f\x8b\x08", ArchiveKind.GZIP),
        # After the level comes the first block, or at once the end of an empty file.
        (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", ArchiveKind.BZIP2),
        (rb"\xfd7zXZ\x00", ArchiveKind.XZ),
        # Properties 3/0/2, a dictionary of a power of two, and a size below 256 GB or unknown: lzma has no magic.
        (rb"\x5d\x00\x00[\x00-\x80][\x00-\x10](?:\xff{8}|.{4}[\x00-\x3f]\x00\x00\x00)\x00", ArchiveKind.LZMA),
        (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", ArchiveKind.ZSTD),
        (rb"\x04\x22\x4d\x18", ArchiveKind.LZ4),
        (rb"LZIP[\x00\x01]", ArchiveKind.LZIP),
        (rb"\x1f\x9d[\x09-\x10\x89-\x90]", ArchiveKind.COMPRESS),
        (rb"PK\x03\x04|PK\x05\x06\x00\x00|PK(?:00|\x07\x08)PK\x03\x04", ArchiveKind.ZIP),
        (rb"7z\xbc\xaf\x27\x1c", ArchiveKind.SEVEN_ZIP),
        (rb"Rar!\x1a\x07(?:\x00|\x01\x00)", ArchiveKind.RAR),
        (rb"MSCF\x00{4}", ArchiveKind.CAB),
        (rb"xar!\x00", ArchiveKind.XAR),
        (rb"!<arch>\n", ArchiveKind.AR),
        (rb"\xed\xab\xee\xdb", ArchiveKind.RPM),
        # A whole header of digits: a text may well begin with 070701.
        (rb"07070[12][0-9A-Fa-f]{104}|070707[0-7]{70}", ArchiveKind.CPIO),
        (rb"\xc7\x71.{24}|\x71\xc7.{24}", ArchiveKind.CPIO),
    )
)


def of_head(head: bytes) -> ArchiveKind | None:
    """Return what a file's first HEAD bytes say it is. Raises ArchiveRefused if they say two things."""
    found = next((kind for pattern, kind in _MAGIC if pattern.match(head)), None)
    if tar.is_header(head):
        if found is not None:
            raise ArchiveRefused(f"The file is two archives at once: {found} and tar.")
        return ArchiveKind.TAR
    return found


def of_file(file: BinaryIO) -> ArchiveKind | None:
    """Return what an open file is, None if it is no archive. The position moves.

    Raises ArchiveRefused if it is two archives at once.
    """
    file.seek(0)
    head = file.read(HEAD)
    found = of_head(head)
    file.seek(_ISO_OFFSET)
    if file.read(5) == b"CD001":
        if found is not None:
            raise ArchiveRefused(f"The file is two archives at once: {found} and an ISO image.")
        return ArchiveKind.ISO
    if found is None and head.startswith(b"#!") and _ends_as_zip(file):
        return ArchiveKind.ZIP
    return found


def _ends_as_zip(file: BinaryIO) -> bool:
    """Tell whether a zip is appended, as to the script that starts a zipapp or an executable jar."""
    length = file.seek(0, 2)
    file.seek(max(0, length - _ZIP_TAIL))
    tail = file.read()
    end = tail.rfind(_ZIP_END)
    if end < 0 or len(tail) - end < 22:
        return False
    return end + 22 + int(struct.unpack_from("<H", tail, end + 20)[0]) <= len(tail)
