import random

import pytest
from licensedcode.query import Query

from scanner.engine.speedups import alignment

from .test_matches import described
from .texts import rule_files, sample

pytestmark = pytest.mark.usefixtures("installed")


def aligned(function, index, text, matched=()):
    query = Query(query_string=text, idx=index)
    found = function(index, query, [span(query) for span in matched], [])
    return described(found), list(query.matchables)


@pytest.mark.parametrize("seed", [41, 42])
def test_the_matches_are_those_of_stock(index, seed):
    texts = [text for text in sample(15, seed=seed) if text.strip()]
    found = [aligned(alignment.get_approximate_matches, index, text) for text in texts]

    assert any(matches for matches, _ in found)
    assert found == [aligned(alignment.stock_get_approximate_matches, index, text) for text in texts]


def test_repetitions_are_all_found(index):
    notice = rule_files()[7].read_text()
    text = f"\n{'word ' * 400}\n".join([notice, notice.replace("the", "that"), notice[: len(notice) // 2]])

    found = aligned(alignment.get_approximate_matches, index, text)

    assert found == aligned(alignment.stock_get_approximate_matches, index, text)


def test_what_was_matched_exactly_is_not_matched_again(index):
    from licensedcode.spans import Span

    text = "\n".join(sample(2, seed=8))
    matched = [lambda query: Span(range(0, len(query.tokens), 2)), lambda query: Span(0, len(query.tokens) // 2)]

    found = aligned(alignment.get_approximate_matches, index, text, matched)

    assert found == aligned(alignment.stock_get_approximate_matches, index, text, matched)


def test_short_notices_in_a_long_list_are_matched_as_by_stock(index, monkeypatch):
    """As in lock files and other machine-made lists of packages with their licences."""
    draw = random.Random(5)
    names = [
        "MIT",
        "ISC",
        "Apache-2.0",
        "BSD-3-Clause",
        "GPL version 2 or later",
        "Mozilla Public License",
        "MIT License",
    ]
    text = "".join(f'{{"id": {n}, "license": "{draw.choice(names)}", "by": "p{n}"}}\n' for n in range(250))
    made = []
    blocks = alignment.Blocks
    monkeypatch.setattr(alignment, "Blocks", lambda *args: made.append(args) or blocks(*args))

    found = aligned(alignment.get_approximate_matches, index, text)

    assert made
    assert len(found[0]) > 100
    assert found == aligned(alignment.stock_get_approximate_matches, index, text)
