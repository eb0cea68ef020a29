"""Decompressors: a compressed file in, a stream of bytes out, never more than asked for at a time."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from scanner.archives import native
from scanner.archives.entries import CHUNK, Context, Stream
from scanner.archives.kinds import ArchiveKind
from scanner.errors import ArchiveBroken

_MAGIC = {ArchiveKind.GZIP: b"\x1f\x8b", ArchiveKind.BZIP2: b"BZh", ArchiveKind.XZ: b"\xfd7zXZ\0"}


def opened(file: BinaryIO, kind: ArchiveKind, context: Context) -> Stream:
    """Return the decompressed content of a file, whose position is at its start."""
    makers: dict[ArchiveKind, Callable[[], Any]] = {
        ArchiveKind.GZIP: lambda: Deflate(31),
        ArchiveKind.BZIP2: bz2.BZ2Decompressor,
        ArchiveKind.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, context.memory),
        ArchiveKind.LZMA: lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, context.memory),
    }
    if kind in makers:
        return Decompressed(file, makers[kind], _MAGIC.get(kind), context)
    return native.decompressed(file, kind, context)


class Deflate:
    """zlib's decompressor with the manners of bz2's and lzma's."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int) -> bytes:
        content = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # A full answer may leave more inside zlib, even where all of the input was taken.
        self.needs_input = not self._zlib.unconsumed_tail and len(content) < max_length
        return content

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


class Decompressed:
    """Read through gzip, bzip2, xz or lzma, over all members of a file that has several.

    Raises ArchiveBroken where the file is damaged or ends early, MemoryError where it asks for too much memory.
    """

    def __init__(
        self, file: Stream, make: Callable[[], Any], magic: bytes | None, context: Context, first: bytes = b""
    ) -> None:
        self._file = file
        self._make = make
        self._magic = magic
        self._context = context
        self._decompressor = make()
        self._input = first
        self._ready = bytearray()
        self._ended = False

    def read(self, size: int, /) -> bytes:
        while len(self._ready) < size and not self._ended:
            self._step()
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _step(self) -> None:
        if self._decompressor.eof:
            self._next_member()
            return
        if self._decompressor.needs_input and not self._input:
            self._input = self._file.read(CHUNK)
            if not self._input:
                raise ArchiveBroken("The archive ends too early: its compressed data is not complete.")
        data, self._input = self._input, b""
        try:
            content: bytes = self._decompressor.decompress(data, CHUNK)
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            if "emory" in str(error):
                raise MemoryError from error
            raise ArchiveBroken("The archive's compressed data is damaged.") from error
        self._context.produced(len(content))
        self._ready += content

    def _next_member(self) -> None:
        rest: bytes = self._decompressor.unused_data
        # Files are padded with zeros, for tapes and block devices.
        while not (rest := rest.lstrip(b"\0")):
            rest = self._file.read(CHUNK)
            if not rest:
                self._ended = True
                return
        rest += self._file.read(8)
        if self._magic is None or not rest.startswith(self._magic):
            self._context.remark("Data after the end of an archive was left out", "behind the compressed data")
            self._ended = True
            return
        self._decompressor = self._make()
        self._input = rest
