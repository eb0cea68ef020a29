"""Sets of files as bits: file number n is bit n of an int.

The intersection of filters over 50,000 files is then one ``&`` of 6 kB, and counting one ``bit_count()``: a
thousand times less work than the same join in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isal import isal_zlib


def from_numbers(numbers: Iterable[int], highest: int) -> int:
    """Return the set of these numbers, none of which is above ``highest``."""
    data = bytearray(highest // 8 + 1)
    for number in numbers:
        data[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(data, "little")


def from_range(first: int, last: int) -> int:
    """Return the set of all numbers from ``first`` to ``last``."""
    return ((1 << (last - first + 1)) - 1) << first


def numbers(files: int, skip: int = 0, take: int | None = None) -> list[int]:
    """Return the numbers in a set in ascending order: at most ``take`` of them, after the first ``skip``."""
    found: list[int] = []
    for number in _walk(files, skip):
        if take is not None and len(found) >= take:
            break
        found.append(number)
    return found


def _walk(files: int, skip: int) -> Iterator[int]:
    data = files.to_bytes((files.bit_length() + 7) // 8, "little")
    for start in range(0, len(data), 64):
        chunk = int.from_bytes(data[start : start + 64], "little")
        count = chunk.bit_count()
        if count <= skip:
            skip -= count
            continue
        for bit in range(chunk.bit_length()):
            if chunk >> bit & 1:
                if skip:
                    skip -= 1
                else:
                    yield start * 8 + bit


def dump(files: int) -> bytes:
    """Return a set as bytes; a set of few files takes few bytes."""
    return isal_zlib.compress(files.to_bytes((files.bit_length() + 7) // 8, "little"), 1)


def load(data: bytes) -> int:
    """Return the set that was dumped."""
    return int.from_bytes(isal_zlib.decompress(data), "little")
