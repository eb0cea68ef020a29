"""After the gaps in memory are taken, what is allocated comes in one piece."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

#: Makes gaps of both kinds, fills them if asked to, and prints on how many pages the next small things lie.
_ALLOCATED = """
import ctypes, json, sys
from scanner.engine import gaps
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = (ctypes.c_size_t,)
library.free.argtypes = (ctypes.c_void_p,)
objects = [bytes(60) for _ in range(200_000)]
blocks = [library.malloc(size) for size in (20, 900) for _ in range(20_000)]
kept = [one for place, one in enumerate(objects) if place % 100]
del objects
for place, address in enumerate(blocks):
    if place % 2:
        library.free(address)
if sys.argv[1] == "fill":
    gaps.fill()
wanted = [bytes(60) for _ in range(2_000)]
pages = len({id(one) // 4096 for one in wanted})
heap = [len({library.malloc(size) // 4096 for _ in range(2_000)}) for size in (20, 900)]
print(json.dumps([pages, *heap, all(one == bytes(60) for one in kept + wanted)]))
"""


def _allocated(how: str) -> list[int]:
    run = subprocess.run([sys.executable, "-c", _ALLOCATED, how], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return list(json.loads(run.stdout))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_allocated_after_filling_lies_on_few_pages() -> None:
    spread, dense = _allocated("leave"), _allocated("fill")

    # 2,000 objects of 96 bytes take 47 pages at least, and 2,000 blocks of 32 and of 912 bytes 16 and 446.
    assert spread[0] > 1_000
    assert dense[0] < 60
    assert spread[1] > 30
    assert dense[1] < 20
    assert spread[2] > 800
    assert dense[2] < 460
    assert dense[3]
