"""What is loaded after arenas were reserved lies in few pieces, whatever is mapped meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from scanner.engine import arenas

#: Makes 32 MB of objects, with a mapping after each megabyte as if a library were loaded; prints in how many regions of
#: memory they lie, how much is resident at the end, and whether each object is what it was.
_LOADED = """
import json, mmap, os, sys
from pathlib import Path
from scanner.engine import arenas
reserved = arenas.reserve(int(sys.argv[1]))
objects, libraries = [], []
for megabyte in range(32):
    objects += [bytes([megabyte]) * 400 for _ in range(2_400)]
    libraries.append(mmap.mmap(-1, 64 << 10))
reserved.clear()
regions = []
for line in Path("/proc/self/maps").read_text().splitlines():
    start, end = (int(bound, 16) for bound in line.split()[0].split("-"))
    regions.append((start, end))
used = {next(region for region in regions if region[0] <= id(one) < region[1]) for one in objects}
resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
right = all(one == bytes([place // 2_400]) * 400 for place, one in enumerate(objects))
print(json.dumps([len(used), resident, right]))
"""


def _loaded(reserved: int, **environment: str) -> list[int]:
    run = subprocess.run(
        [sys.executable, "-c", _LOADED, str(reserved)], capture_output=True, text=True, timeout=60, env=environment
    )
    assert run.returncode == 0, run.stderr
    return list(json.loads(run.stdout))


@pytest.mark.skipif(not arenas.in_use(), reason="CPython's own allocator is not in use")
def test_what_is_loaded_lies_in_few_pieces() -> None:
    spread, together, too_much = _loaded(0), _loaded(40_000_000), _loaded(400_000_000)

    assert spread[0] > 10
    # Some arenas were there before, and are filled first.
    assert together[0] < spread[0] // 2
    assert together[2]
    assert too_much[0] < spread[0] // 2
    # What was not needed has gone back.
    assert too_much[1] < together[1] + 50_000_000


def test_nothing_is_taken_from_another_allocator() -> None:
    assert _loaded(400_000_000, PYTHONMALLOC="malloc")[1] < 100_000_000
