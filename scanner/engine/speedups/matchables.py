"""Find what is still to be matched in a query run by looking at the run only.

Stock filters the positions of the whole query for each of its runs, which makes the cost of a long text quadratic, and
asks whether a run is digits only by making a set of all its tokens, again and again. Here

* the positions between the run's ends are looked up in the query's set: the same intersection of a set and a range,
* the tokens are looked at until the first that is not a digit: the same "all of them are",
* what is matched already is one set of positions, not the union of a bit set for each match that begins at position 0.

When the sets are computed, and that an empty one is computed again, is as in stock: it decides which matches have been
taken away by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from intbitset import intbitset

from scanner.engine.speedups import Replacement


def _within(positions: intbitset, start: int, end: int) -> intbitset:
    return intbitset(list(filter(positions.__contains__, range(start, end + 1))))


def _low_matchables(self: Any) -> intbitset:
    """Return the positions of this run's low tokens that are still to be matched."""
    if not self._low_matchables:
        self._low_matchables = _within(self.query.low_matchables, self.start, self.end)
    return self._low_matchables


def _high_matchables(self: Any) -> intbitset:
    """Return the positions of this run's legalese tokens that are still to be matched."""
    if not self._high_matchables:
        self._high_matchables = _within(self.query.high_matchables, self.start, self.end)
    return self._high_matchables


def is_digits_only(self: Any) -> bool:
    """Tell whether all tokens of this run are made of digits."""
    return all(map(self.digit_only_tids.__contains__, self.tokens))


def is_matchable(self: Any, include_low: bool = False, qspans: Iterable[Any] | None = None) -> Any:
    """Return the positions still to be matched and in none of `qspans`; of high tokens, or also of low ones."""
    matchables = self.matchables if include_low else self.high_matchables
    if self.is_digits_only():
        return False
    if not qspans:
        return matchables
    return intbitset(matchables) - intbitset(set().union(*qspans))


low_matchables = property(_low_matchables)
high_matchables = property(_high_matchables)

REPLACEMENTS = (
    Replacement("licensedcode.query", "QueryRun.low_matchables", "ed2ad949b6157350", low_matchables),
    Replacement("licensedcode.query", "QueryRun.high_matchables", "ebbd4f277d53e651", high_matchables),
    Replacement("licensedcode.query", "QueryRun.is_digits_only", "3384b956926f23f4", is_digits_only),
    Replacement(
        module="licensedcode.query",
        name="QueryRun.is_matchable",
        digest="2329a0debbd54fa0",
        function=is_matchable,
        relies_on={"licensedcode.spans:Span": "b894352a95455f8f"},
    ),
)
