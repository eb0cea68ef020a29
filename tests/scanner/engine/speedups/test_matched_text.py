import itertools

import pytest
from licensedcode.query import Query

from scanner.engine.speedups import matched_text

from .texts import sample, write

pytestmark = pytest.mark.usefixtures("installed")

ODD = [
    "İ license İ\nΣΑΣ' Licensed under the MIT licenseΣ.\n ﬁle GPL-2.0+ ",
    "MIT",
    "MIT License!",
    "é\x85 MIT License\x0c licensed under GPL version 2 or later\r\n é \r Apache-2.0",
    "İ a zq " * 900 + "MIT License, " + "the Apache-2.0 license " + "b;É zq;" * 900 + "GPL-2.0 İ",
    "".join(f"{'Iİmit ' * 400}The MIT License {number} " for number in range(9)),
    "a " * 3000 + "MIT License " + "b;" * 3000,
]


def ways():
    for whole_lines, highlight in itertools.product([False, True], repeat=2):
        yield {"whole_lines": whole_lines, "highlight": highlight}
    yield {"highlight_matched": "<{}>", "highlight_not_matched": "-{}-"}


def test_the_text_of_each_match_is_stocks_in_all_ways_of_asking(index, tmp_path):
    seen = 0
    for location in write(tmp_path, [*ODD, *sample(25, seed=31)]):
        for match in index.match(location=location):
            for way in ways():
                seen += 1
                assert match.matched_text(**way) == matched_text.stock_matched_text(match, **way), (location, way)
    assert seen > 100


def test_it_is_the_same_for_strings(index):
    for text in [*ODD, *sample(5, seed=32)]:
        for match in index.match(query_string=text):
            assert match.matched_text() == matched_text.stock_matched_text(match)


def test_a_match_without_lines_has_no_text(index):
    match = index.match(query_string="Licensed under the MIT license")[0]
    match.start_line = match.end_line = 0

    assert match.matched_text() == matched_text.stock_matched_text(match) == ""


def test_what_was_said_of_one_query_is_not_said_of_the_next(index):
    first, second = (index.match(query_string=f"{word} MIT License")[0] for word in ("The", "the"))

    assert [match.matched_text(whole_lines=True) for match in (first, second, first)] == [
        "The MIT License", "the MIT License", "The MIT License",
    ]  # fmt: skip
    assert Query is type(first.query)
