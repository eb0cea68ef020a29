"""Sets of file numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reports import bitmaps

NUMBERS = st.sets(st.integers(1, 5_000))


@given(NUMBERS)
def test_it_gives_back_the_numbers_that_went_in(numbers: set[int]) -> None:
    files = bitmaps.from_numbers(numbers, 5_000)

    assert bitmaps.numbers(files) == sorted(numbers)
    assert bitmaps.load(bitmaps.dump(files)) == files
    assert files.bit_count() == len(numbers)


@given(NUMBERS, st.integers(0, 6_000), st.integers(0, 100))
def test_a_page_is_a_slice(numbers: set[int], skip: int, take: int) -> None:
    files = bitmaps.from_numbers(numbers, 5_000)

    assert bitmaps.numbers(files, skip, take) == sorted(numbers)[skip : skip + take]


@given(st.integers(1, 500), st.integers(0, 500))
def test_a_range_holds_its_ends(first: int, more: int) -> None:
    assert bitmaps.numbers(bitmaps.from_range(first, first + more)) == list(range(first, first + more + 1))
