"""Make exact matches from the numbers that the automaton gives, without going through their positions.

An exact match is a run of positions on both sides, so its spans are given by their ends. Stock discards it if one of
its positions is not matchable; whether there is such a position between two ends is seen in a row of flags. The
legalese of the whole rule is known (`legalese_bits`), and of a part of it, a part of that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from licensedcode import match_aho

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.alignment import legalese_bits
from scanner.engine.speedups.matches import make_match
from scanner.engine.speedups.spans import from_bits, make


def exact_match(
    idx: Any,
    query_run: Any,
    automaton: Any,
    matcher: str = match_aho.MATCH_AHO_EXACT,
    matcher_order: int = match_aho.MATCH_AHO_EXACT_ORDER,
    **kwargs: Any,  # noqa: ARG001  stock's signature
) -> list[Any]:
    """Return a match for each place in a run where all tokens of a rule follow one another."""
    begin, query = query_run.start, query_run.query
    tokens = query_run.tokens
    gone = _not_matchable(query_run, len(tokens))
    matches = []
    for last, found in automaton.iter(tuple(tokens)):
        for rid, istart, iend in found:
            length = iend - istart + 1
            first = last - length + 1
            if gone is not None and gone.find(1, first, last + 1) >= 0:
                continue
            matches.append(
                make_match(
                    idx.rules_by_rid[rid],
                    make(begin + first, begin + last),
                    make(istart, iend),
                    from_bits(istart, (legalese_bits(idx, rid) >> istart) & ((1 << length) - 1)),
                    begin,
                    matcher,
                    matcher_order,
                    query,
                )
            )
    return matches


def _not_matchable(query_run: Any, length: int) -> bytes | None:
    """Return a one for each position of a run that is not matchable; None if there is none."""
    matchables = query_run.matchables
    if len(matchables) == length:
        return None
    gone = np.ones(length, dtype=np.uint8)
    gone[np.array(matchables.tolist(), dtype=np.int64) - query_run.start] = 0
    return gone.tobytes()


REPLACEMENTS = (
    Replacement(
        module="licensedcode.match_aho",
        name="exact_match",
        digest="9a1aa0403454850f",
        function=exact_match,
        relies_on={
            "licensedcode.match_aho:get_matched_spans": "cace8767fb5d2721",
            "licensedcode.match_aho:get_matched_positions": "c7d517ee36831c81",
            "licensedcode.match_aho:get_matches": "bb09faa1e17e273e",
            "licensedcode.match_aho:add_sequence": "8ae9b54d534c231d",
            "licensedcode.query:QueryRun.matchables": "b95e861715f45deb",
            "licensedcode.spans:Span": "b894352a95455f8f",
        },
    ),
)
