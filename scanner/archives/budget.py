"""What one scan may unpack: counted while it is written, in one place for an archive and all that is nested in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scanner.errors import LimitExceeded
from scanner.limits import Limits, size, stated

#: Content up to here is never called a bomb: small archives of very even files reach any ratio. Bytes.
RATIO_FLOOR = 100_000_000
#: Headers, padding and skipped members come out of a decompressor too, so it may give more than is written.
_PRODUCED_PER_UNPACKED = 2


class TotalExceeded(LimitExceeded):
    """The whole scan has reached a limit, not just one nested archive: nothing more can be unpacked."""


@dataclass(frozen=True)
class Spent:
    """What is on disk at one moment; see ``Budget.spent``."""

    bytes: int = 0
    files: int = 0
    folders: int = 0


class Budget:
    """Counts of one scan, held against its limits. Raises TotalExceeded from whichever call goes beyond one."""

    def __init__(self, limits: Limits, progress: Callable[[int], None] = lambda _: None) -> None:
        self.limits = limits
        self.bytes = self.files = self.folders = 0
        self._produced = 0
        self._left_out = 0
        self._progress = progress

    def write(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self.limits.unpacked_bytes:
            raise TotalExceeded(f"The archive unpacks to more than {stated(self.limits, 'unpacked_bytes')}.")
        self._progress(self.bytes)

    def produce(self, count: int) -> None:
        self._produced += count
        if self._produced > _PRODUCED_PER_UNPACKED * self.limits.unpacked_bytes:
            limit = stated(self.limits, "unpacked_bytes")
            raise TotalExceeded(f"The archive unpacks to more than {limit}, with what is not kept.")

    def add_file(self) -> None:
        self.files += 1
        self._count(self.files, "files")
        self._progress(self.bytes)

    def add_folder(self) -> None:
        self.folders += 1
        self._count(self.folders, "folders")

    def leave_out(self) -> None:
        self._left_out += 1
        self._count(self._left_out, "links and other entries that are not files")

    def _count(self, count: int, what: str) -> None:
        if count > self.limits.unpacked_files:
            limit = stated(self.limits, "unpacked_files").replace("files", what, 1)
            raise TotalExceeded(f"The archive holds more than {limit}.")

    @property
    def spent(self) -> Spent:
        return Spent(self.bytes, self.files, self.folders)

    def give_back(self, spent: Spent) -> None:
        """Forget what was written since ``spent`` was taken, because it was removed from the disk again."""
        self.bytes, self.files, self.folders = spent.bytes, spent.files, spent.folders


def check_ratio(limits: Limits, archive: int, content: int, error: type[LimitExceeded] = LimitExceeded) -> None:
    """Raise LimitExceeded if ``content`` bytes are too many to have come out of ``archive`` bytes honestly."""
    if content > RATIO_FLOOR and content > limits.unpacked_ratio * archive:
        raise error(
            f"The archive unpacks to more than {stated(limits, 'unpacked_ratio')} its own size of {size(archive)}."
        )
