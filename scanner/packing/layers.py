"""Make one tar of the layers of a container image, put on top of each other.

Run as a process by ``scanner.sources.images``. Layers are read from the top down, so that each file is written once:
what an upper layer wrote or whited out hides what is below (image-spec, "Image Layer Filesystem Changeset").
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from scanner.archives import kinds, streams, tar
from scanner.archives.budget import Budget
from scanner.archives.entries import Entry, Kind
from scanner.archives.kinds import ArchiveKind
from scanner.archives.notes import Notes
from scanner.archives.opening import Context
from scanner.errors import ArchiveBroken, ArchiveRefused
from scanner.limits import Limits
from scanner.packing.jail import Say, serve
from scanner.packing.tars import TarWriter, owners

Parts = tuple[bytes, ...]

_WHITEOUT, _OPAQUE, _OF_AUFS = b".wh.", b".wh..wh..opq", b".wh..wh."
#: Bytes of a file's content that are kept in memory before it goes to the disk.
_SPOOL = 1 << 22


def main() -> None:
    serve(_work)


def layers_of(tar: Path) -> dict[str, int]:
    """Return the number of the layer, from 1, that each file of a tar made here came with, by its path."""
    numbers = {path: re.fullmatch(r"layer (\d{1,9})", owner) for path, owner in owners(tar).items()}
    return {path: int(number[1]) for path, number in numbers.items() if number}


@dataclass
class _Cover:
    """What layers hide of those below them."""

    trees: set[Parts] = field(default_factory=set)  #: with all below
    names: set[Parts] = field(default_factory=set)  #: themselves only: folders hide no folder
    content: set[Parts] = field(default_factory=set)  #: all below, but not themselves

    def hides(self, parts: Parts) -> bool:
        if parts in self.names or parts in self.trees:
            return True
        return any(parts[:end] in self.trees or parts[:end] in self.content for end in range(len(parts)))

    def add(self, other: _Cover) -> None:
        self.trees |= other.trees
        self.names |= other.names
        self.content |= other.content


def _work(request: dict[str, Any], limits: Limits, say: Say) -> dict[str, Any]:
    """Turn ``request["layers"]``, the lowest first, into the tar ``request["tar"]``; all lie in the folder."""
    folder = Path(request["folder"])
    budget = Budget(limits)
    cover = _Cover()
    files, left_out = [], 0
    with TarWriter(folder / request["tar"], limits, say) as writer:
        layers = list(enumerate(request["layers"], start=1))
        for number, name in reversed(layers):
            before = writer.files
            with (folder / name).open("rb") as layer:
                left_out += _add(layer, number, cover, writer, request["top"].encode(), budget)
            files.append(writer.files - before)
    return {"files": files[::-1], "left_out": left_out}


def _add(layer: BinaryIO, number: int, cover: _Cover, writer: TarWriter, top: bytes, budget: Budget) -> int:
    """Write what is still visible of a layer, and extend the cover by it; return how many links were left out."""
    own = _Cover()
    left_out = 0
    for entry in _entries(layer, budget):
        parts = _parts(entry.name)
        if not parts:
            continue
        budget.leave_out()
        *above, name = parts
        if name == _OPAQUE:
            own.content.add(tuple(above))
        elif any(part.startswith(_OF_AUFS) for part in parts):
            continue
        elif name.startswith(_WHITEOUT):
            own.trees.add((*above, name.removeprefix(_WHITEOUT)))
        elif cover.hides(parts) or parts in own.trees:
            continue
        elif entry.kind is Kind.FOLDER:
            own.names.add(parts)
        else:
            own.names.update(parts[:end] for end in range(1, len(parts)))
            if entry.kind is Kind.FILE:
                _write(entry, top + b"/" + b"/".join(parts), number, writer)
            else:
                left_out += 1
            # Only now: a file may follow the whiteout of its own name in the same layer.
            own.trees.add(parts)
    cover.add(own)
    return left_out


def _entries(layer: BinaryIO, budget: Budget) -> Any:
    context = Context(budget, Notes())
    kind = kinds.of_file(layer)
    layer.seek(0)
    if kind is None:
        raise ArchiveBroken("A layer of the image is not an archive.")
    if kind is ArchiveKind.TAR:
        return tar.entries(layer, context)
    if kind not in (ArchiveKind.GZIP, ArchiveKind.ZSTD, ArchiveKind.BZIP2, ArchiveKind.XZ):
        raise ArchiveRefused(f"A layer of the image is packed in a way that images are not ({kind}).")
    return tar.entries(streams.opened(layer, kind, context), context)


def _parts(name: bytes) -> Parts:
    parts = tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    if b".." in parts or b"\0" in name:
        raise ArchiveRefused("A layer of the image holds a path that would leave its folder.")
    return parts


def _write(entry: Entry, name: bytes, number: int, writer: TarWriter) -> None:
    """Write a file. Its layer is kept as its owner: so it is there for whoever opens the tar, and in no file of it."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL, dir=".") as content:
        size = 0
        for data in entry.data:
            size += len(data)
            writer.room_for(size)
            content.write(data)
        content.seek(0)
        writer.add(name, size, content, mtime=(entry.mtime or 0) // 10**9, owner=f"layer {number}")


if __name__ == "__main__":
    main()
