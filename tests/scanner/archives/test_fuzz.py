"""A small, always equal piece of the fuzz run: see tests/fuzz_archives.py for the long one."""

from __future__ import annotations

from tests import fuzz_archives


def test_damaged_archives_are_unpacked_or_refused() -> None:
    ends = fuzz_archives.run(seed=20261122, more=lambda number: number < 150)

    assert set(ends) <= fuzz_archives.FINE
    assert len(ends) == 2
