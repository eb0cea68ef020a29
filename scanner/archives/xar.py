"""Read xar, the format of Apple's installer packages: a compressed table of contents in XML, then the files' data.

The libarchive that is at hand was built without it. Format: https://github.com/apple-oss-distributions/xar, xar.h.
"""

from __future__ import annotations

import bz2
import lzma
import struct
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, BinaryIO
from xml.etree import ElementTree

from scanner.archives import names
from scanner.archives.entries import CHUNK, Context, Entry, Kind, Slice
from scanner.archives.streams import Decompressed, Deflate
from scanner.errors import ArchiveBroken

_HEADER = struct.Struct(">4s2H2QL")
_LARGEST_CONTENTS = 50_000_000
_KINDS = {"directory": Kind.FOLDER, "symlink": Kind.SYMLINK, "file": Kind.FILE, "hardlink": Kind.HARDLINK}


def entries(file: BinaryIO, context: Context) -> Iterator[Entry]:
    """Yield the members of a xar. Raises ArchiveBroken."""
    fixed = file.read(_HEADER.size)
    if len(fixed) < _HEADER.size:
        raise ArchiveBroken("The archive ends too early: in its header.")
    _, header_size, _, packed, size, _ = _HEADER.unpack(fixed)
    if size > _LARGEST_CONTENTS:
        raise ArchiveBroken("The archive is damaged: its table of contents claims to be very long.")
    contents = Decompressed(Slice(file, header_size, packed), lambda: Deflate(15), None, context).read(size)
    # A table of contents needs no entities of its own; those are how XML grows without bounds.
    if b"<!" in contents.replace(b"<!--", b"") or b"\0" in contents:
        raise ArchiveBroken("The archive is damaged: its table of contents declares entities.")
    try:
        top = ElementTree.fromstring(contents).find("toc")  # noqa: S314 - it has no declarations, see above.
    except ElementTree.ParseError as error:
        raise ArchiveBroken("The archive is damaged: its table of contents is not XML.") from error
    if top is None:
        raise ArchiveBroken("The archive is damaged: its table of contents is empty.")
    heap = header_size + packed
    waiting = [(b"", element) for element in reversed(top.findall("file"))]
    while waiting:
        folder, element = waiting.pop()
        name = folder + (element.findtext("name") or "").encode()
        yield from _entry(file, heap, name, element, context)
        waiting.extend((name + b"/", below) for below in reversed(element.findall("file")))


def _entry(file: BinaryIO, heap: int, name: bytes, element: ElementTree.Element, context: Context) -> Iterator[Entry]:
    kind = _KINDS.get(element.findtext("type") or "file", Kind.SPECIAL)
    mtime = _time(element.findtext("mtime") or "")
    if kind is Kind.HARDLINK and element.find("data") is not None:
        kind = Kind.FILE  # the first of several names has the content
    if kind is not Kind.FILE:
        yield Entry(name, kind, mtime, (element.findtext("link") or "").encode())
        return
    data = element.find("data")
    if data is None:
        yield Entry(name, kind, mtime)
        return
    style = data.find("encoding")
    encoding = "" if style is None else style.get("style", "")
    if encoding.removeprefix("application/") not in _DECOMPRESSORS:
        context.leave_out("Files compressed in a way that is not supported were left out", names.shown(name))
        return
    begin, length = heap + _number(data.findtext("offset")), _number(data.findtext("length"))
    stream: Any = Slice(file, begin, length)
    if make := _DECOMPRESSORS[encoding.removeprefix("application/")]:
        stream = Decompressed(stream, make, None, context)
    yield Entry(name, kind, mtime, data=_content(stream, _number(data.findtext("size"))))


_DECOMPRESSORS: dict[str, Callable[[], Any] | None] = {
    "": None,
    "octet-stream": None,
    "x-gzip": lambda: Deflate(15),
    "x-bzip2": bz2.BZ2Decompressor,
    "x-lzma": lzma.LZMADecompressor,
    "x-xz": lzma.LZMADecompressor,
}


def _content(stream: Any, size: int) -> Iterator[bytes]:
    while size > 0:
        data = stream.read(min(CHUNK, size))
        if not data:
            raise ArchiveBroken("The archive ends too early: in the middle of a file.")
        size -= len(data)
        yield data


def _number(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ArchiveBroken("The archive is damaged: its table of contents holds no number where there must be one.")
    return int(text)


def _time(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000
    except (ValueError, OverflowError):
        return None
