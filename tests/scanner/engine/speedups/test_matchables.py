import random

import pytest
from licensedcode.query import Query, QueryRun
from licensedcode.spans import Span

from .stock import stock
from .texts import sample

StockRun = stock("licensedcode.query").QueryRun

pytestmark = pytest.mark.usefixtures("installed")


def runs(query):
    """Yield the same stretches of a query as runs of ours and of stock."""
    chance = random.Random(len(query.tokens))
    ends = [(run.start, run.end) for run in [*query.query_runs, query.whole_query_run()]]
    for _ in range(20):
        start = chance.randrange(len(query.tokens))
        ends.append((start, chance.randrange(start, len(query.tokens))))
    for start, end in ends:
        yield QueryRun(query, start, end), StockRun(query, start, end)


def test_the_positions_of_a_run_are_those_of_stock(index):
    for text in sample(15, seed=21):
        query = Query(query_string=f"license 1 {text}", idx=index)
        query.subtract(list(range(3, len(query.tokens), 5)))
        for ours, stocks in runs(query):
            assert ours.low_matchables == stocks.low_matchables
            assert ours.high_matchables == stocks.high_matchables
            assert ours.is_digits_only() == stocks.is_digits_only()


def test_what_is_left_to_match_is_what_stock_has_left(index):
    for text in sample(15, seed=22):
        query = Query(query_string=f"license 1 {text}", idx=index)
        query.subtract(list(range(3, len(query.tokens), 5)))
        end = len(query.tokens)
        for ours, stocks in runs(query):
            for qspans in (None, [], [Span(1, 1)], [Span(0, end // 2), Span(range(0, end, 3))], [Span(0, end)]):
                for low in (False, True):
                    assert ours.is_matchable(low, qspans) == stocks.is_matchable(low, qspans)


def test_a_run_of_digits_is_known_as_one(index):
    run = Query(query_string="1 2 3 2024", idx=index).whole_query_run()

    assert run.is_digits_only()
    assert run.is_matchable(include_low=True) is False


def test_a_run_keeps_what_was_matchable_when_it_was_first_asked(index):
    query = Query(query_string="Licensed under the MIT license", idx=index)
    run = query.whole_query_run()
    before = set(run.high_matchables)
    query.subtract([0, 1])

    assert set(run.high_matchables) == before
