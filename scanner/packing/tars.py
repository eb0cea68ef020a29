"""Write a tar that depends on its content only."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

from scanner.archives import names
from scanner.errors import LimitExceeded
from scanner.limits import Limits, stated
from scanner.packing.jail import Say


class TarWriter:
    """A tar of regular files, under the limits of what may be unpacked. Use it as a context manager."""

    def __init__(self, path: Path, limits: Limits, say: Say) -> None:
        self._limits = limits
        self._say = say
        # Closed by __exit__: the writer is the context manager.
        self._tar = tarfile.open(  # noqa: SIM115
            path, "x", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        )
        self.files = 0
        self.bytes = 0

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()

    def room_for(self, size: int) -> None:
        """Raise LimitExceeded if no file of this size can be added."""
        check(self._limits, self.files + 1, self.bytes + size)

    def add(
        self, name: bytes, size: int, content: IO[bytes], *, mtime: int = 0, executable: bool = False, owner: str = ""
    ) -> None:
        """Add a file whose content are the next ``size`` bytes of ``content``."""
        self.files += 1
        self.bytes += size
        check(self._limits, self.files, self.bytes)
        member = tarfile.TarInfo(name.decode("utf-8", errors="surrogateescape"))
        member.size, member.mtime, member.mode = size, max(0, mtime), 0o755 if executable else 0o644
        member.uname = owner
        self._tar.addfile(member, content)
        self._say(self.bytes)


def owners(tar: Path) -> dict[str, str]:
    """Return the owner of each file of a tar that was written here, by the path at which it is unpacked."""
    with tarfile.open(tar, "r:", encoding="utf-8", errors="surrogateescape") as members:
        return {"/".join(names.parts(os.fsencode(member.name))): member.uname for member in members}


def check(limits: Limits, files: int, size: int) -> None:
    """Raise LimitExceeded if these are more files or bytes than may be unpacked."""
    if files > limits.unpacked_files:
        raise LimitExceeded(f"There are more than {stated(limits, 'unpacked_files')}.")
    if size > limits.unpacked_bytes:
        raise LimitExceeded(f"The files hold more than {stated(limits, 'unpacked_bytes')}.")


def pack_files(files: Iterable[Path], folder: str, to: Path, limits: Limits) -> None:
    """Pack files of this machine side by side into a folder of a tar."""
    with TarWriter(to, limits, lambda _done: None) as tar:
        for path in sorted(files):
            with path.open("rb") as content:
                tar.add(f"{folder}/{path.name}".encode(), path.stat().st_size, content)
