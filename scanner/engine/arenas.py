"""Have CPython take the memory for its objects in one piece, before anything is loaded.

CPython's allocator (Objects/obmalloc.c) asks the kernel for a megabyte at a time, an arena, and the kernel puts it
where there is room: after a few imports, between the libraries that these have mapped. An arena that lies alone cannot
be put on a huge page of two megabytes, so a fork has to copy 256 entries of the page table for it. Arenas taken one
after the other, with no library loaded in between, lie side by side.
"""

from __future__ import annotations

import os
import sys
import sysconfig

#: What the engine's objects take once all is loaded; too little leaves the rest between the libraries, and what is too
#: much goes back to the kernel.
ENGINE_BYTES = 450_000_000
#: The largest object that the allocator serves, and the smallest arena that CPython 3.10 and later may have.
_BLOCK, _ARENA = 512, 1 << 20


def in_use() -> bool:
    """Tell whether CPython allocates its objects itself, as it does unless it is told not to."""
    return bool(
        sysconfig.get_config_var("WITH_PYMALLOC") and not os.environ.get("PYTHONMALLOC") and not sys.flags.dev_mode
    )


def reserve(size: int = ENGINE_BYTES) -> list[object]:
    """Take arenas of so many bytes in all; return what keeps those that are still empty from going back."""
    if not in_use():
        return []
    content = _BLOCK - sys.getsizeof(b"")
    # As long as it will be from the start: a list that grows moves, and each time leaves room between two arenas.
    blocks: list[object] = [None] * (size // _BLOCK)
    for number in range(len(blocks)):
        blocks[number] = bytes(content)
    # Two in each arena, wherever it begins.
    return blocks[:: _ARENA // _BLOCK // 2]
