"""A short, always equal run of ``python -m tests.fuzz_sources``, which goes on for as long as one likes."""

from __future__ import annotations

from tests import fuzz_sources


def test_whatever_is_pasted_and_answered_ends_in_a_file_or_in_a_sentence():
    tried, failures = fuzz_sources.run(seed=7, fetches=40)

    assert [f"{failure.keep()}: {failure.reason}" for failure in failures] == []
    assert tried["texts"] == 40 * 200
