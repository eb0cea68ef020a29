"""Read what the standard library cannot: through libarchive, which ScanCode's extractcode brings with it.

libarchive is C of 2021 and reads what strangers wrote, so this runs only inside the sandbox, is told beforehand which
one format it may try, and only hands on entries: it never writes a file. Interface: libarchive's archive.h, 3.5.1.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import stat
from collections.abc import Iterator
from ctypes import c_char_p, c_int, c_int64, c_long, c_size_t, c_ssize_t, c_uint, c_void_p, c_wchar_p
from functools import cache
from pathlib import Path
from typing import BinaryIO

from scanner.archives import names
from scanner.archives.entries import CHUNK, Context, Entry, Kind
from scanner.archives.kinds import ArchiveKind
from scanner.errors import ArchiveBroken, ArchiveError, ArchiveRefused

_OK, _EOF, _RETRY, _WARN = 0, 1, -10, -20
_NO_MEMORY = 12
_BLOCK = 65_536

#: The only formats and compressions that are tried for each kind.
_FORMATS: dict[ArchiveKind, tuple[str, ...]] = {
    ArchiveKind.SEVEN_ZIP: ("format_7zip",),
    ArchiveKind.RAR: ("format_rar", "format_rar5"),
    ArchiveKind.CAB: ("format_cab",),
    ArchiveKind.AR: ("format_ar",),
    ArchiveKind.CPIO: ("format_cpio",),
    ArchiveKind.ISO: ("format_iso9660",),
    ArchiveKind.RPM: (
        "format_cpio",
        "filter_rpm",
        "filter_gzip",
        "filter_bzip2",
        "filter_xz",
        "filter_lzma",
        "filter_zstd",
    ),
    ArchiveKind.ZSTD: ("format_raw", "filter_zstd"),
    ArchiveKind.LZ4: ("format_raw", "filter_lz4"),
    ArchiveKind.LZIP: ("format_raw", "filter_lzip"),
    ArchiveKind.COMPRESS: ("format_raw", "filter_compress"),
}
#: What linkers keep in a static library beside its members: tables of symbols and of long names.
_AR_TABLES = re.compile(rb"/{1,2}|/SYM64/|__\.SYMDEF(?: SORTED|_64)*")
_SPECIAL = (stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK)

_PROTOTYPES = {
    "archive_read_new": (c_void_p,),
    "archive_read_free": (c_int, c_void_p),
    "archive_read_open_fd": (c_int, c_void_p, c_int, c_size_t),
    "archive_read_next_header": (c_int, c_void_p, c_void_p),
    "archive_read_data": (c_ssize_t, c_void_p, c_void_p, c_size_t),
    "archive_filter_count": (c_int, c_void_p),
    "archive_errno": (c_int, c_void_p),
    "archive_error_string": (c_char_p, c_void_p),
    "archive_entry_pathname": (c_char_p, c_void_p),
    "archive_entry_pathname_w": (c_wchar_p, c_void_p),
    "archive_entry_symlink": (c_char_p, c_void_p),
    "archive_entry_hardlink": (c_char_p, c_void_p),
    "archive_entry_filetype": (c_uint, c_void_p),
    "archive_entry_size": (c_int64, c_void_p),
    "archive_entry_mtime": (c_int64, c_void_p),
    "archive_entry_mtime_nsec": (c_long, c_void_p),
    "archive_entry_mtime_is_set": (c_int, c_void_p),
    "archive_entry_is_encrypted": (c_int, c_void_p),
}


@cache
def library() -> ctypes.CDLL:
    """Load libarchive: the one that extractcode-libarchive brings, else the system's. Raises ArchiveError."""
    spec = importlib.util.find_spec("extractcode_libarchive")
    bundled = [str(Path(spec.origin).parent / "lib" / "libarchive.so")] if spec and spec.origin else []
    for path in [*bundled, "libarchive.so.13"]:
        try:
            loaded = ctypes.CDLL(path)
        except OSError:
            continue
        for name, (result, *arguments) in _PROTOTYPES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
        return loaded
    raise ArchiveError("This site cannot open archives of this kind: libarchive is missing.", advice="Tell its owner.")


def entries(file: BinaryIO, kind: ArchiveKind, context: Context) -> Iterator[Entry]:
    """Yield the members of an archive whose kind is known. Raises ArchiveBroken, ArchiveRefused, MemoryError."""
    with _Archive(file, kind, context) as archive:
        while (entry := archive.next_entry()) is not None:
            if entry is _LEFT_OUT or (kind is ArchiveKind.AR and _AR_TABLES.fullmatch(entry.name)):
                continue
            yield entry


def decompressed(file: BinaryIO, kind: ArchiveKind, context: Context) -> _Decompressed:
    """Return the content of a compressed file as a stream."""
    return _Decompressed(_Archive(file, kind, context))


_LEFT_OUT = Entry(b"", Kind.SPECIAL)


class _Archive:
    """libarchive's handle for one file."""

    def __init__(self, file: BinaryIO, kind: ArchiveKind, context: Context) -> None:
        self._lib = library()
        self._context = context
        self._handle = c_void_p(self._lib.archive_read_new())
        self._buffer = ctypes.create_string_buffer(CHUNK)
        file.seek(0)
        for what in _FORMATS[kind]:
            support = getattr(self._lib, f"archive_read_support_{what}")
            support.argtypes = [c_void_p]
            if support(self._handle) not in (_OK, _WARN):
                raise self._error()
        # It reads the descriptor itself, so nothing else may read it meanwhile.
        if self._lib.archive_read_open_fd(self._handle, file.fileno(), _BLOCK) != _OK:
            raise self._error()

    def __enter__(self) -> _Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._handle:
            self._lib.archive_read_free(self._handle)
            self._handle = c_void_p()

    def next_entry(self) -> Entry | None:
        """Return the next entry, None at the end, or _LEFT_OUT for one that was only noted."""
        raw = c_void_p()
        while (status := self._lib.archive_read_next_header(self._handle, ctypes.byref(raw))) == _RETRY:
            pass
        if status == _EOF:
            return None
        if status not in (_OK, _WARN):
            raise self._error()
        return self._entry(raw)

    def _entry(self, raw: c_void_p) -> Entry:
        lib = self._lib
        name = self._name(raw)
        type_ = lib.archive_entry_filetype(raw)
        if lib.archive_entry_is_encrypted(raw) and type_ == stat.S_IFREG:
            self._context.leave_out("Encrypted files were left out", names.shown(name))
            return _LEFT_OUT
        mtime = None
        if lib.archive_entry_mtime_is_set(raw):
            mtime = lib.archive_entry_mtime(raw) * 1_000_000_000 + lib.archive_entry_mtime_nsec(raw)
        hardlink = lib.archive_entry_hardlink(raw)
        if hardlink and not lib.archive_entry_size(raw):
            return Entry(name, Kind.HARDLINK, mtime, hardlink)
        if type_ == stat.S_IFDIR:
            return Entry(name, Kind.FOLDER, mtime)
        if type_ == stat.S_IFLNK:
            return Entry(name, Kind.SYMLINK, mtime, lib.archive_entry_symlink(raw) or b"?")
        if type_ in _SPECIAL:
            return Entry(name, Kind.SPECIAL, mtime)
        return Entry(name, Kind.FILE, mtime, data=self.content())

    def _name(self, raw: c_void_p) -> bytes:
        name: bytes | None = self._lib.archive_entry_pathname(raw)
        if name is None:
            wide: str | None = self._lib.archive_entry_pathname_w(raw)
            name = (wide or "").encode("utf-8", "surrogatepass")
        return name

    def is_filtered(self) -> bool:
        """Tell whether anything is decompressed: what no filter takes comes out as it went in."""
        return bool(self._lib.archive_filter_count(self._handle) > 1)

    def content(self) -> Iterator[bytes]:
        """Yield the present entry's content."""
        while data := self.read():
            yield data

    def read(self) -> bytes:
        """Return some of the present entry's content, nothing at its end."""
        while (count := self._lib.archive_read_data(self._handle, self._buffer, CHUNK)) == _RETRY:
            pass
        if count < 0:
            raise self._error()
        self._context.produced(count)
        return self._buffer.raw[:count]

    def _error(self) -> Exception:
        # Its messages name formats and offsets, not what a reader could do; and a stranger may have a hand in them.
        text = (self._lib.archive_error_string(self._handle) or b"").decode("utf-8", "replace").lower()
        if self._lib.archive_errno(self._handle) == _NO_MEMORY or "memory" in text:
            return MemoryError()
        if "encrypt" in text:
            return ArchiveRefused("The archive is encrypted.", advice="Pack the files again without a password.")
        if "truncated" in text:
            return ArchiveBroken("The archive ends too early: it is not complete.")
        return ArchiveBroken("The archive is damaged or incomplete, or uses a feature that is not supported.")


class _Decompressed:
    """What comes out of one of libarchive's filters, as a stream."""

    def __init__(self, archive: _Archive) -> None:
        self._archive = archive
        self._ready = bytearray()
        self._ended = archive.next_entry() is None
        if not archive.is_filtered():
            raise ArchiveBroken("The archive is damaged: its compressed data does not begin as it should.")

    def read(self, size: int, /) -> bytes:
        while len(self._ready) < size and not self._ended:
            data = self._archive.read()
            self._ended = not data
            self._ready += data
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data
