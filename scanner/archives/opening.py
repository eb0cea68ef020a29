"""Open an archive and the archives inside it, level by level, into one folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scanner.archives import kinds, names, native, streams, suffixes, tar, xar, zip
from scanner.archives.budget import Budget, TotalExceeded, check_ratio
from scanner.archives.entries import CHUNK, Entry, Kind, Stream
from scanner.archives.kinds import ArchiveKind
from scanner.archives.notes import Notes
from scanner.archives.writer import Parts, Tree, Writer
from scanner.errors import ArchiveBroken, ArchiveError, ArchiveRefused, LimitExceeded
from scanner.limits import stated

#: What extractcode adds to the name of an archive for the folder with its content.
SUFFIX = "-extract"


@dataclass(frozen=True, slots=True)
class _Nested:
    """An archive that was found on disk, and how deep it is in others."""

    parts: Parts
    kind: ArchiveKind
    level: int


class Context:
    """What readers are told of one archive, and what they tell back."""

    def __init__(self, budget: Budget, notes: Notes) -> None:
        self._budget = budget
        self._notes = notes
        self.limits = budget.limits
        self.memory = self.limits.unpack_memory // 2

    def produced(self, count: int) -> None:
        self._budget.produce(count)

    def expect(self, count: int) -> None:
        if count > self.limits.unpacked_files:
            raise LimitExceeded(f"The archive holds more than {stated(self.limits, 'unpacked_files')}.")

    def leave_out(self, what: str, name: str) -> None:
        self._budget.leave_out()
        self._notes.add(what, name)

    def remark(self, what: str, name: str) -> None:
        self._notes.add(what, name)


def open_all(file: BinaryIO, name: str, folder: Path, budget: Budget) -> tuple[bool, tuple[str, ...]]:
    """Write the content of an archive, and of those inside it, into an empty folder.

    A file that is no archive is written there itself. Returns whether it was an archive, and notes for the report.
    Raises ArchiveRefused, ArchiveBroken, LimitExceeded, OSError; then the folder holds what was written until then.
    """
    notes = Notes()
    tree = Tree(folder, budget)
    kind = kinds.of_file(file)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    writer = Writer(tree, (), notes, size)
    if kind is None:
        # Its own time is when it was fetched, which must not show: a workspace can be built again at any time.
        writer.add(Entry(names.unescaped(name), Kind.FILE, data=_chunks(file)))
    else:
        found = _open_one(file, kind, name, writer, Context(budget, notes))
        if not budget.files:
            raise ArchiveRefused(_nothing(notes), advice="Check that it is the file that you meant.")
        _open_nested(tree, deque(_Nested(parts, kind, 1) for parts, kind in found), size, notes)
    tree.finish()
    return kind is not None, notes.sentences()


def _nothing(notes: Notes) -> str:
    return " ".join(("There is no file to scan in the archive.", *notes.sentences()))


def _open_one(
    file: BinaryIO, kind: ArchiveKind, name: str, writer: Writer, context: Context
) -> list[tuple[Parts, ArchiveKind]]:
    """Write one archive's entries and return the archives among them."""
    try:
        for entry in _entries(file, kind, name, context):
            writer.add(entry)
    except MemoryError as error:
        limit = stated(context.limits, "unpack_memory")
        raise LimitExceeded(f"The archive needs more memory than {limit} to unpack.") from error
    return writer.found


def _entries(file: BinaryIO, kind: ArchiveKind, name: str, context: Context) -> Iterator[Entry]:
    file.seek(0)
    if kind is ArchiveKind.ZIP:
        return zip.entries(file, context)
    if kind is ArchiveKind.TAR:
        return tar.entries(file, context)
    if kind is ArchiveKind.XAR:
        return xar.entries(file, context)
    if kind in kinds.COMPRESSED:
        return _decompressed(streams.opened(file, kind, context), name, context)
    return native.entries(file, kind, context)


def _decompressed(stream: Stream, name: str, context: Context) -> Iterator[Entry]:
    """Yield the members of a compressed tar, or the one file that was compressed."""
    head = stream.read(kinds.HEAD)
    whole = _Rejoined(head, stream)
    if tar.is_header(head):
        yield from tar.entries(whole, context)
    else:
        yield Entry(names.unescaped(suffixes.inner_name(name)), Kind.FILE, data=_chunks(whole))


class _Rejoined:
    """A stream with the bytes in front again that were taken from it."""

    def __init__(self, head: bytes, stream: Stream) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int, /) -> bytes:
        if not self._head:
            return self._stream.read(size)
        first, self._head = self._head[:size], self._head[size:]
        return first + self._stream.read(size - len(first)) if len(first) < size else first


def _open_nested(tree: Tree, waiting: deque[_Nested], outermost: int, notes: Notes) -> None:
    """Open what was found, and what is found in that, each beside itself.

    An archive in an archive that cannot be opened is left closed with a note: the scan of the rest goes on. Only what
    is a limit of the whole scan ends it.
    """
    limits = tree.budget.limits
    while waiting:
        nested = waiting.popleft()
        path = names.quoted("/".join(nested.parts))
        if suffixes.is_document(nested.parts[-1]):
            continue
        if nested.level > limits.nested_archives:
            notes.add(f"Left closed, because they are deeper than {stated(limits, 'nested_archives')}", path)
            continue
        before = tree.budget.spent
        try:
            found = _open_beside(tree, nested, notes)
        except TotalExceeded:
            raise
        except (ArchiveError, LimitExceeded) as error:
            tree.budget.give_back(before)
            notes.add(f"Left closed. {str(error).removesuffix('.')}", path)
            continue
        check_ratio(limits, outermost, tree.budget.bytes, TotalExceeded)
        waiting.extend(_Nested(parts, kind, nested.level + 1) for parts, kind in found)


def _open_beside(tree: Tree, nested: _Nested, notes: Notes) -> list[tuple[Parts, ArchiveKind]]:
    top = _make_beside(tree, nested.parts)
    try:
        with os.fdopen(tree.open(nested.parts), "rb") as file:
            writer = Writer(tree, top, notes, os.fstat(file.fileno()).st_size)
            return _open_one(file, nested.kind, nested.parts[-1], writer, Context(tree.budget, notes))
    except BaseException:
        tree.remove(top)
        raise


def _make_beside(tree: Tree, parts: Parts) -> Parts:
    limits = tree.budget.limits
    if len(parts[-1].encode()) + len(SUFFIX) + 3 > limits.name_bytes:
        raise LimitExceeded(f"The name of its folder would be longer than {stated(limits, 'name_bytes')}.")
    for number in range(1, 100):
        top = (*parts[:-1], parts[-1] + SUFFIX + (f"_{number}" if number > 1 else ""))
        try:
            tree.make(top)
        except FileExistsError:
            continue
        return top
    raise ArchiveBroken("There is no free name for its folder.")


def _chunks(stream: Stream) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK), b"")
