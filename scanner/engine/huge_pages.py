"""Huge pages for what the engine holds, so that its children start and end fast.

A fork copies an entry of the page table for each page that the engine has, and the end of a child goes through them all
again: 170,000 pages of 4 kB for the licence index, or 300 of 2 MB. A child that writes to a huge page gets a copy of
4 kB of it, as before. The kernel is asked with MADV_COLLAPSE (madvise(2), Linux 6.1), which needs no setting of
/sys/kernel/mm/transparent_hugepage; where it refuses, all stays as it is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

_MADV_COLLAPSE = 25
_SIZE_FILE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")

_libc = ctypes.CDLL(None)


def collapse() -> Iterator[None]:
    """Put the private memory of this process on huge pages, one a step; a step takes about two milliseconds.

    To be called while no child shares the memory: what is shared would be there twice until the child ends.
    """
    try:
        size = int(_SIZE_FILE.read_text())
    except OSError:
        return
    for start, end in _private_memory():
        for address in range(-(-start // size) * size, end - size + 1, size):
            _libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), _MADV_COLLAPSE)
            yield


def _private_memory() -> list[tuple[int, int]]:
    """Return the bounds of the regions that this process may write and that no file stands behind (proc(5), maps)."""
    regions = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, rights, _offset, _device, _inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(bound, 16) for bound in bounds.split("-"))
            regions.append((start, end))
    return regions
