"""The blocks that are found at once are those that stock finds round after round."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from licensedcode.seq import match_blocks

from scanner.engine.speedups.blocks import Blocks, pairs

#: Tokens below this are legalese.
_GOOD = 4
_tokens = st.integers(0, 6)
_rules = st.lists(_tokens, min_size=1, max_size=20)


@st.composite
def runs_and_rules(draw):
    """Give a rule, and a run with pieces of it, other tokens, and breaks between."""
    rule = draw(_rules)
    piece = st.tuples(st.integers(0, len(rule)), st.integers(0, len(rule))).map(
        lambda ends: rule[min(ends) : max(ends)]
    )
    parts = draw(st.lists(st.one_of(piece, st.lists(_tokens, max_size=5), st.just([-1])), max_size=25))
    return [token for part in parts for token in part], rule


def blocks_of(run, rule, end):
    postings = {}
    for place, token in enumerate(rule):
        if token < _GOOD:
            postings.setdefault(token, []).append(place)
    anchors = np.array([place for place, token in enumerate(run[:end]) if token in postings], dtype=int)
    assert pairs(run, anchors.tolist(), postings) == sum(run[place] == token for place in anchors for token in rule)
    return (Blocks(run, rule, anchors, postings, end) if len(anchors) else None), postings


@settings(max_examples=500)
@given(runs_and_rules())
def test_the_blocks_from_every_start_are_those_of_stock(run_and_rule):
    run, rule = run_and_rule
    blocks, postings = blocks_of(run, rule, len(run))
    for start in range(len(run)):
        found = [] if blocks is None else blocks.match(start)

        assert found == match_blocks(run, rule, start, len(run), postings, _GOOD, range(len(run)))


def test_a_rule_that_comes_again_and_again_is_found_each_time():
    rule = [0, 1, 5, 2, 0, 1]
    run = [*rule, -1, 6, *rule[:3], 3] * 40
    blocks, _ = blocks_of(run, rule, len(run))
    start, starts = 0, []
    while found := blocks.match(start):
        starts.append(found[0][0])
        start = max(place + length for place, _, length in found)

    assert len(starts) > 30
