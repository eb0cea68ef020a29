import copy
import random

import pytest
from licensedcode.match import DiscardReason, LicenseMatch
from licensedcode.spans import Span

from scanner.engine.speedups import matches

from .stock import stock

stock_match = stock("licensedcode.match")

pytestmark = pytest.mark.usefixtures("installed")


@pytest.fixture(scope="module")
def rules(index):
    return [index.rules_by_rid[rid] for rid in sorted(index.approx_matchable_rids)[::6000]]


def some_match(chance, rules):
    """Return a match of a few blocks somewhere in the first words of a query and a rule."""
    shift = chance.randrange(-12, 12)
    positions = {
        position
        for _ in range(chance.choice([1, 1, 2, 3]))
        for start in [chance.randrange(12, 60)]
        for position in range(start, start + chance.randrange(1, 12))
    }
    matcher, order = chance.choice([("3-seq", 3), ("3-seq", 3), ("2-aho", 1)])
    ispan = {position + shift for position in positions}
    if chance.random() < 0.3:
        ispan = set(range(len(positions)))
    return LicenseMatch(
        rule=chance.choice(rules),
        qspan=Span(positions),
        ispan=Span(ispan),
        hispan=Span([position for position in ispan if position % 3]),
        query_run_start=chance.randrange(5),
        matcher=matcher,
        matcher_order=order,
        discard_reason=chance.choice(list(DiscardReason)[:3]),
    )


def described(found):
    return [
        (
            match.rule.rid, list(match.qspan), list(match.ispan), list(match.hispan), match.query_run_start,
            match.matcher, match.matcher_order, match.start_line, match.end_line, match.discard_reason,
        )
        for match in found
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_matches_are_merged_as_in_stock(rules, seed):
    chance = random.Random(seed)
    for _ in range(400):
        found = [some_match(chance, rules[: chance.randrange(1, 4)]) for _ in range(chance.randrange(8))]
        limit = chance.choice([None, None, 0, 3])
        same = [copy.copy(match) for match in found]

        ours = matches.merge_matches(found, limit)

        assert described(ours) == described(stock_match.merge_matches(same, limit))
        assert described(found) == described(same)


def test_it_refuses_to_combine_matches_of_rules_that_only_share_a_name(rules):
    first, second = (some_match(random.Random(1), rules[:1]) for _ in range(2))
    second.rule = copy.copy(second.rule)
    second.rule.length += 1
    second.qspan, second.ispan = Span([100, 101]), Span([100, 101])
    first.qspan, first.ispan = Span([98, 99]), Span([98, 99])

    with pytest.raises(TypeError, match="different rules"):
        matches.merge_matches([first, second], 50)


def test_a_match_is_made_as_stock_makes_it(rules):
    parts = [rules[0], Span(1, 3), Span(2, 4), Span(2), 1, "3-seq", 3, object()]

    made = matches.make_match(*parts)

    names = [name for name in LicenseMatch.__slots__ if name != "__weakref__"]
    expected = LicenseMatch(**dict(zip(["rule", "qspan", "ispan", "hispan", "query_run_start", "matcher",
                                        "matcher_order", "query"], parts, strict=True)))  # fmt: skip
    assert [getattr(made, name) for name in names] == [getattr(expected, name) for name in names]
