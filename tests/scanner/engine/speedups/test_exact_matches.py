import pytest
from licensedcode.query import Query
from licensedcode.spans import Span

from scanner.engine.speedups import exact_matches

from .stock import stock
from .test_matches import described
from .texts import sample

stock_exact_match = stock("licensedcode.match_aho").exact_match

pytestmark = pytest.mark.usefixtures("installed")


def test_the_matches_are_those_of_stock(index):
    for text in filter(str.strip, sample(40, seed=61)):
        run = Query(query_string=text, idx=index).whole_query_run()

        found = exact_matches.exact_match(index, run, index.rules_automaton)

        assert described(found) == described(stock_exact_match(index, run, index.rules_automaton))


def test_a_match_to_what_was_taken_away_is_none(index):
    query = Query(query_string="MIT License. Licensed under the MIT license. Apache-2.0", idx=index)
    query.subtract(Span(3))
    run = query.whole_query_run()

    found = exact_matches.exact_match(index, run, index.rules_automaton)

    assert found
    assert not [match for match in found if 3 in match.qspan]
    assert described(found) == described(stock_exact_match(index, run, index.rules_automaton))
