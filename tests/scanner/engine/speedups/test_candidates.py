import pytest
from licensedcode.query import Query

from scanner.engine.speedups import candidates

from .texts import sample


def ask(function, run, index, **options):
    return function(query_run=run, idx=index, matchable_rids=index.approx_matchable_rids, **options)


def described(candidates_found):
    """Return all there is to a candidate, with the types of the scores, which sort and print differently."""
    return [
        ([(type(value), value) for vector in vectors for value in vector], rid, rule.identifier, list(shared))
        for vectors, rid, rule, shared in candidates_found
    ]


@pytest.mark.parametrize("options", [{"top": 10, "high_resemblance": True}, {"top": 70}])
def test_the_candidates_are_those_of_stock_in_its_order(index, options):
    for text in filter(str.strip, sample(25, seed=len(options))):
        run = Query(query_string=text, idx=index).whole_query_run()

        found = ask(candidates.compute_candidates, run, index, **options)

        assert described(found) == described(ask(candidates.stock_compute_candidates, run, index, **options))


def test_what_is_matched_already_is_left_out(index):
    query = Query(query_string=sample(1, seed=8)[0], idx=index)
    run = query.whole_query_run()
    run.subtract(list(range(0, len(query.tokens), 3)))

    found = ask(candidates.compute_candidates, run, index)

    assert found
    assert described(found) == described(ask(candidates.stock_compute_candidates, run, index))


def test_a_text_without_legalese_has_no_candidates(index):
    run = Query(query_string="a b c foo", idx=index).whole_query_run()

    assert ask(candidates.compute_candidates, run, index) == []


def test_other_rules_than_all_are_left_to_stock(index):
    run = Query(query_string="Licensed under the MIT license, the terms of which follow", idx=index).whole_query_run()
    few = set(sorted(index.approx_matchable_rids)[:500])

    found = candidates.compute_candidates(query_run=run, idx=index, matchable_rids=few)

    stock = candidates.stock_compute_candidates(query_run=run, idx=index, matchable_rids=few)
    assert described(found) == described(stock)
    assert {rid for _, rid, _, _ in found} <= few


def test_rounding_near_ties_is_pythons():
    values = [n / d for d in range(1, 300) for n in range(d + 1)]

    rounded = candidates._round_to_tenth(candidates.np.array(values))

    assert rounded.tolist() == [round(value, 1) for value in values]
