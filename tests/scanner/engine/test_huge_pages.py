"""What the engine holds lies on huge pages once it has a moment's rest."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scanner.engine.test_client import Hooked, hooked, until

__all__ = ["hooked"]

#: Prints the huge pages' kilobytes before and after, and whether what lies on them is what it was.
_COLLAPSE = """
import re
from pathlib import Path
from scanner.engine import huge_pages
def huge():
    return re.search(r"AnonHugePages: +([0-9]+)", Path("/proc/self/smaps_rollup").read_text())[1]
kept = [bytes([number % 251]) * 1000 for number in range(40_000)]
before = huge()
steps = sum(1 for _ in huge_pages.collapse())
print(before, huge(), steps > 0, all(one == bytes([number % 251]) * 1000 for number, one in enumerate(kept)))
"""


_KERNEL = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])
pytestmark = pytest.mark.skipif(
    _KERNEL < (6, 1) or not Path("/sys/kernel/mm/transparent_hugepage").exists(),
    reason="this kernel has no huge pages on demand (MADV_COLLAPSE, Linux 6.1)",
)


@pytest.fixture(scope="module")
def collapsed() -> list[str]:
    run = subprocess.run([sys.executable, "-c", _COLLAPSE], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_memory_is_moved_and_stays_what_it_was(collapsed: list[str]) -> None:
    assert int(collapsed[1]) >= int(collapsed[0]) + 30_000
    assert collapsed[2:] == ["True", "True"]


def test_a_server_that_rests_moves_what_it_holds_and_goes_on_scanning(hooked: Hooked) -> None:
    hooked.engine.version()

    until(lambda: _huge(hooked.server.pid) > 0)

    assert hooked.scan("fine")["fine"].results["text"] == "fine"


def _huge(pid: int) -> int:
    found = re.search(r"AnonHugePages: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())
    assert found
    return int(found[1])
