"""A short soak: a minute of kills, and every promise kept. `make soak` is the long one, on each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.run import soak


@pytest.mark.timeout(600)
def test_no_promise_is_broken_under_a_minute_of_kills(tmp_path: Path) -> None:
    outcome = soak(tmp_path / "instance", kind="sqlite", seed=7, seconds=60, scans=20, disturbances=10)

    # How long a recovery takes depends on what else the machine does; the long soak judges it.
    assert set(outcome.broken()) <= {"longest_recovery"}, outcome.table()
    assert outcome.done
