"""Use up the gaps that loading has left in memory, so that a child asks for new memory in few places.

What a child allocates comes from such gaps first, each on another page that it shares with the engine, and the kernel
copies a page at the first write to it: 4 kB for the 48 bytes that were wanted. With the gaps taken, the same memory
comes in one piece. They are taken after loading and never given back.

There are two kinds: CPython's own allocator hands out blocks of up to 512 bytes from pools of one size each, and the C
library (glibc) the rest. Where either is not of the kind known here, nothing happens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

from scanner.engine import arenas

#: Of CPython's allocator (Objects/obmalloc.c, 3.10 to 3.13): sizes of blocks, and of the pools that they come from.
_BLOCK_STEP, _BLOCK_LARGEST = 16, 512
_POOL, _POOL_HEADER = 16_384, 48
#: The size of the blocks that numbers take, this module's own ones too: so many may be missing in a row.
_NUMBERS, _OWN_BLOCKS = 32, 4
#: More of one size than this is not expected, and left alone; bytes.
_MOST_BYTES = 50_000_000

#: The sizes of gaps that are looked for: steps of a tenth down to a kilobyte, and below that every one that the C
#: library keeps apart, which are the multiples of 16 less the 8 that it needs itself.
_LARGEST_GAP, _LARGE_GAP, _SMALLEST_GAP, _GAP_STEP = 1 << 20, 1016, 24, 16


class _Usage(ctypes.Structure):
    """What mallinfo2(3) says, bytes and numbers of chunks."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


#: What fills the gaps of CPython's own allocator.
_kept: list[object] = []


def fill() -> None:
    """Take all gaps there are."""
    if arenas.in_use():
        for size in range(_BLOCK_STEP, _BLOCK_LARGEST + 1, _BLOCK_STEP):
            _kept.extend(_objects(size))
    _fill_heap()


def _objects(size: int) -> list[object]:
    """Return objects of one size that fill the pools which are in use, up to the first that was wholly free."""
    new = _maker(size)
    in_a_row = (_POOL - _POOL_HEADER) // size - (_OWN_BLOCKS if size == _NUMBERS else 0)
    made: list[object] = []
    pool, run = -1, 0
    while run < in_a_row and len(made) * size < _MOST_BYTES:
        made.append(new())
        before, pool = pool, id(made[-1]) // _POOL
        run = run + 1 if pool == before else 1
    return made[:-run]


def _maker(size: int) -> Callable[[], object]:
    """Return what makes an object that is a block of its own, and nothing else, of a size."""
    if size == object().__sizeof__():
        return object
    if size <= bytes(1).__sizeof__():
        return lambda: float("0.5")
    rest = size - b"".__sizeof__()
    return lambda: bytes(rest)


def _fill_heap() -> None:
    """Allocate what the C library has free below the end of its heap."""
    library: Any = ctypes.CDLL(None)
    try:
        library.mallinfo2.restype = _Usage
        library.malloc.restype = library.sbrk.restype = ctypes.c_void_p
        library.malloc.argtypes, library.free.argtypes = (ctypes.c_size_t,), (ctypes.c_void_p,)
        library.sbrk.argtypes = (ctypes.c_ssize_t,)
        library.malloc_trim.argtypes = (ctypes.c_size_t,)
    except AttributeError:
        return
    # The last piece of the heap is in one, and what more is needed comes behind it.
    end = library.sbrk(0) - library.mallinfo2().keepcost
    for size in _gap_sizes():
        address = library.malloc(size)
        while address is not None and address < end:
            address = library.malloc(size)
        library.free(address)
    library.malloc_trim(0)


def _gap_sizes() -> Iterator[int]:
    size = _LARGEST_GAP
    while size > _LARGE_GAP:
        yield size
        size = size * 9 // 10
    yield from range(_LARGE_GAP, _SMALLEST_GAP - 1, -_GAP_STEP)
