"""A zip that holds nothing but itself: opened again and again it would never end.

The idea is Russ Cox's ("Zip Files All The Way Down", 2010): deflate has two instructions, "print these bytes" and
"print the last n bytes again", and with these two a program can be written that prints itself. Its checksum, which is
part of what it prints, is then found by solving for it, for CRC-32 is linear.
"""

from __future__ import annotations

import struct
import zlib

_NAME = b"a-zip-that-holds-itself-ab.zip"
_LENGTHS = [*range(3, 11), *range(11, 19, 2), *range(19, 35, 4), *range(35, 67, 8), *range(67, 131, 16)]
_DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97]


def quine() -> bytes:
    """Return the zip."""
    plain = _file(0)
    columns = [zlib.crc32(_file(1 << bit)) ^ zlib.crc32(plain) for bit in range(32)]
    checksum = _solve([column ^ 1 << bit for bit, column in enumerate(columns)], zlib.crc32(plain))
    return _file(checksum)


def _file(checksum: int) -> bytes:
    """Return the zip as it would be if ``checksum`` were its own."""
    size = len(_parts(0, 0, 0)[1])
    prefix, program, suffix = _parts(checksum, size, 60 + size + 98)
    return prefix + program + suffix


def _parts(checksum: int, packed: int, size: int) -> tuple[bytes, bytes, bytes]:
    fields = struct.pack("<5H3L2H", 20, 0, 8, 0, 0x21, checksum, packed, size, len(_NAME), 0)
    prefix = b"PK\3\4" + fields + _NAME
    central = b"PK\1\2\x14\0" + fields + struct.pack("<3H2L", 0, 0, 0, 0, 0) + _NAME
    suffix = central + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(central), len(prefix) + packed, 0)
    return prefix, _program(prefix, suffix), suffix


def _program(prefix: bytes, suffix: bytes) -> bytes:
    """Return deflate that prints ``prefix``, itself and ``suffix``. All instructions but the last have five bytes."""
    print0, print1, print4, again4 = _print(0), _print(5), _print(20), _again(10, 10, distance=20)
    print_prefix, again_prefix = _print(len(prefix) + 5), _again(65, distance=65, empty_block=True)
    assert len(prefix) + 5 == 65
    end = _again(4 + len(suffix), distance=4 + len(suffix), final=True)
    print_suffix = _print(len(end) + len(suffix))
    return b"".join(
        (
            print_prefix + prefix + print_prefix,
            again_prefix,
            print1 + again_prefix,
            print1 + print1,
            print4 + again_prefix + print1 + print1 + print4,
            again4,
            print4 + again4 + print4 + again4 + print4,
            again4,
            print4 + again4 + print0 + print0 + print_suffix,
            again4,
            print0,
            print0,
            print_suffix + end + suffix,
            end,
        )
    )


def _print(count: int) -> bytes:
    """Return the header of a stored block."""
    return struct.pack("<BHH", 0, count, count ^ 0xFFFF)


def _again(*lengths: int, distance: int, final: bool = False, empty_block: bool = False) -> bytes:
    """Return a block, with fixed codes, of copies from ``distance`` back."""
    bits = f"{final:b}10"
    for length in lengths:
        number, extra, width = _bucket(_LENGTHS, length, {0: 0, 8: 1, 12: 2, 16: 3, 20: 4})
        bits += f"{number + 1:07b}" + _low_first(extra, width)
        number, extra, width = _bucket(_DISTANCES, distance, {0: 0, 4: 1, 6: 2, 8: 3, 10: 4, 12: 5})
        bits += f"{number:05b}" + _low_first(extra, width)
    bits += "0" * 7 + ("010" + "0" * 7 if empty_block else "")
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


def _bucket(starts: list[int], value: int, widths: dict[int, int]) -> tuple[int, int, int]:
    number = max(index for index, start in enumerate(starts) if start <= value)
    return number, value - starts[number], widths[max(first for first in widths if first <= number)]


def _low_first(number: int, width: int) -> str:
    return f"{number:0{width}b}"[::-1] if width else ""


def _solve(columns: list[int], wanted: int) -> int:
    """Return x for which the columns that x selects add up, bit by bit, to ``wanted``."""
    rows = [(column, 1 << bit) for bit, column in enumerate(columns)]
    solution = 0
    for bit in range(32):
        pivot = next((row for row in rows if row[0] >> bit & 1), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows = [(a ^ pivot[0], b ^ pivot[1]) if a >> bit & 1 else (a, b) for a, b in rows]
        if wanted >> bit & 1:
            wanted, solution = wanted ^ pivot[0], solution ^ pivot[1]
    assert not wanted, "this checksum has no solution: change the name"
    return solution
