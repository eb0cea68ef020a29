"""Rank the rules that a stretch of text may match with an inverted index and array arithmetic.

Stock ``compute_candidates`` intersects the token set of each query run with that of each of 30,000 rules, one after
the other. Here the same quantities come from arrays:

* A rule survives the first step only if it shares at least one legalese token, and ``required_high`` of them, with the
  text. Counting the postings of the text's legalese tokens gives that number for all rules at once; what it rules out,
  stock rules out too, because ``required_high`` is a consequence of the thresholds that stock tests
  (`_RuleArrays.__init__` derives it).
* The scores of the survivors are the same divisions of the same integers in the same float64, so they are the same
  numbers. Squares are taken with Python's own ``**`` (C's ``pow`` may differ from ``x * x`` in the last bit), and
  ``round(x, 1)`` is Python's own wherever ``x`` is near a tie, which is the only place where rounding the product by
  ten could differ from rounding the exact decimal value.
* Stock sorts tuples of scores that end in the rule's id, which is unique: the order is total, and ``lexsort`` over
  the same columns gives it. Of duplicates, stock keeps the greatest by (exact scores, identifier): also total.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from intbitset import intbitset
from licensedcode import match_set
from licensedcode.match_set import ScoresVector

from scanner.engine.speedups import Replacement

Array = npt.NDArray[Any]

stock_compute_candidates = match_set.compute_candidates

#: Distance to a tie, in units of the rounded digit, within which Python itself does the rounding. The product by ten is
#: off by less than 1e-12 of that for the values seen here (0 to 1), so this is wide.
_NEAR_TIE = 1e-6


class _Rows(NamedTuple):
    """A sparse matrix in rows: the tokens of each rule, in increasing order, and how often each occurs in it."""

    starts: Array
    lengths: Array
    tids: Array
    counts: Array

    def positions(self, rows: Array) -> tuple[Array, Array]:
        """Return where the entries of `rows` are, one row after the other, and where each row begins among them."""
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths)
        begins = ends - lengths
        return np.repeat(self.starts[rows] - begins, lengths) + np.arange(ends[-1]), begins


class _Scores(NamedTuple):
    """The columns of stock's two score vectors, for the rules in `slots`."""

    slots: Array
    near_rounded: Array
    containment_rounded: Array
    resemblance_rounded: Array
    length_rounded: Array
    near: Array
    containment: Array
    resemblance: Array
    length: Array

    def pick(self, chosen: Array) -> _Scores:
        """Return the scores of some of the rules, in the order of `chosen`."""
        return _Scores(*(column[chosen] for column in self))


class _RuleArrays:
    """What the thresholds and scores of a license index's approximately matchable rules need, as arrays.

    A rule is known here by its slot: its place in the increasing list of the rule ids in question.
    """

    def __init__(self, idx: Any) -> None:
        self.index = idx
        self.matchable_rids = idx.approx_matchable_rids
        self.len_legalese: int = idx.len_legalese
        self.tokens = max(idx.dictionary.values()) + 1
        self.rids = np.array(sorted(self.matchable_rids), dtype=np.int64)
        rules = [idx.rules_by_rid[rid] for rid in self.rids]
        self.rows = _rows([idx.tids_by_rid[rid] for rid in self.rids])

        self.length_unique = _column(rules, "length_unique")
        self.length = _column(rules, "length")
        containment = np.array([rule._minimum_containment or 0.0 for rule in rules], dtype=np.float64)
        # `matched / length >= containment`, solved for the least integer, in the same float arithmetic.
        self.required_unique = np.maximum(
            _column(rules, "min_matched_length_unique"), _least_quotient(containment, self.length_unique)
        )
        self.required = np.maximum(_column(rules, "min_matched_length"), _least_quotient(containment, self.length))
        # A rule of n low tokens that must match m tokens must match at least m - n high ones.
        self.low_unique = self.length_unique - _column(rules, "high_length_unique")
        self.required_high_unique = np.maximum.reduce(
            [
                np.ones(len(rules), dtype=np.int64),
                _column(rules, "min_high_matched_length_unique"),
                self.required_unique - self.low_unique,
            ]
        )
        self.required_high = _column(rules, "min_high_matched_length")

        numbers: dict[tuple[str, int], int] = {}
        self.likeness = np.array(
            [numbers.setdefault((rule.license_expression, rule.length), len(numbers)) for rule in rules]
        )
        by_identifier = sorted(range(len(rules)), key=lambda slot: rules[slot].identifier)
        self.identifier_rank = np.empty(len(rules), dtype=np.int64)
        self.identifier_rank[by_identifier] = np.arange(len(rules))

        self.twentieths = np.array([round(n / 20, 1) for n in range(int(self.length.max()) + 1)])
        self._invert()

    def _invert(self) -> None:
        """Build for each token the list of the slots of the rules that have it, one list after the other."""
        # Of the type that they are counted in, or each count would begin with a copy.
        slots = np.repeat(np.arange(len(self.rids), dtype=np.intp), self.rows.lengths)
        # Sixteen bits are sorted by counting.
        order = np.argsort(self.rows.tids.astype(np.uint16), kind="stable")
        self.postings = slots[order]
        #: Where the list of each token begins; it ends where the next one does.
        self.posting_starts = np.searchsorted(self.rows.tids[order], np.arange(self.tokens + 1))

    def counts(self, tids: Array) -> Array:
        """Return for each slot how many of these distinct tokens its rule has."""
        bounds = zip(self.posting_starts[tids].tolist(), self.posting_starts[tids + 1].tolist(), strict=True)
        return np.bincount(
            np.concatenate([self.postings[start:end] for start, end in bounds]), minlength=len(self.rids)
        )

    def overlaps(self, slots: Array, tids: Array) -> Array:
        """Return for each slot in question how many of these distinct tokens its rule has."""
        postings = int((self.posting_starts[tids + 1] - self.posting_starts[tids]).sum())
        if 2 * int(self.rows.lengths[slots].sum()) > postings:
            return self.counts(tids)[slots]
        present = np.zeros(self.tokens, dtype=np.int64)
        present[tids] = 1
        positions, begins = self.rows.positions(slots)
        return np.add.reduceat(present[self.rows.tids[positions]], begins)

    def multiset_overlaps(self, slots: Array, counts: Array) -> tuple[Array, Array]:
        """Return the sizes of the multiset intersections with `counts` by token: of all tokens, and of legalese."""
        positions, begins = self.rows.positions(slots)
        tids = self.rows.tids[positions]
        shared = np.minimum(self.rows.counts[positions], counts[tids])
        return np.add.reduceat(shared, begins), np.add.reduceat(shared * (tids < self.len_legalese), begins)


def _rows(tokens: Sequence[Any]) -> _Rows:
    """Count the tokens of each rule, given the arrays of 16-bit token ids that stock made its multisets from."""
    sizes = np.array([len(row) for row in tokens], dtype=np.int64)
    # Sorting is most of the work, and faster the shorter the numbers.
    kind = np.uint32 if len(tokens) <= 0xFFFF else np.uint64
    keys = np.repeat((np.arange(len(tokens)) << 16).astype(kind), sizes)
    keys += np.frombuffer(b"".join(row.tobytes() for row in tokens), dtype=np.uint16)
    keys, counts = np.unique(keys, return_counts=True)
    lengths = np.bincount((keys >> kind(16)).astype(np.int64), minlength=len(tokens))
    tids = (keys & kind(0xFFFF)).astype(np.int64)
    return _Rows(np.cumsum(lengths) - lengths, lengths, tids, counts.astype(np.int32))


def _column(rules: Sequence[Any], name: str) -> Array:
    return np.array([getattr(rule, name) for rule in rules], dtype=np.int64)


def _least_quotient(minimum: Array, lengths: Array) -> Array:
    """Return the least integers n with ``n / length >= minimum``, as float64 division and comparison see it."""
    least = np.ceil(minimum * lengths).astype(np.int64) - 1
    for _ in range(2):
        least += least / lengths < minimum
    return least


def _round_to_tenth(values: Array) -> Array:
    scaled = values * 10
    rounded: Array = np.rint(scaled) / 10
    for place in np.flatnonzero(np.abs(scaled - np.floor(scaled) - 0.5) < _NEAR_TIE):
        rounded[place] = round(float(values[place]), 1)
    return rounded


_known: dict[int, _RuleArrays] = {}


def prepare(idx: Any) -> _RuleArrays:
    """Return the arrays of a license index, built on first use and kept with it; half a second for ScanCode's own."""
    arrays = _known.get(id(idx))
    if arrays is None or arrays.index is not idx:
        arrays = _known[id(idx)] = _RuleArrays(idx)
    return arrays


def compute_candidates(
    query_run: Any,
    idx: Any,
    matchable_rids: Any,
    top: int = 50,
    high_resemblance: bool = False,
    high_resemblance_threshold: float = 0.8,
    _use_bigrams: bool = False,
) -> list[Any]:
    """Return the ranked candidates of a query run, as the stock function does."""
    if _use_bigrams or matchable_rids is not idx.approx_matchable_rids or not matchable_rids:
        return stock_compute_candidates(
            query_run, idx, matchable_rids, top, high_resemblance, high_resemblance_threshold, _use_bigrams
        )
    arrays = prepare(idx)
    tids, counts = np.unique(_matchable_tokens(query_run), return_counts=True)
    high_tids = tids[: np.searchsorted(tids, arrays.len_legalese)]
    if not len(high_tids):
        return []

    near = high_resemblance_threshold if high_resemblance else None
    slots = _sharing_enough_legalese(arrays, high_tids, len(tids), near)
    if not len(slots):
        return []
    scores = _set_scores(arrays, slots, tids, high_resemblance_threshold, high_resemblance)
    if not len(scores.slots):
        return []
    if len(scores.slots) > top * 10:
        scores = scores.pick(_ranking(arrays, scores)[: top * 10])

    by_tid = np.zeros(arrays.tokens, dtype=np.int64)
    by_tid[tids] = counts
    total = int(counts.sum())
    scores = _multiset_scores(arrays, scores.slots, by_tid, total, high_resemblance_threshold, high_resemblance)
    if not len(scores.slots):
        return []
    scores = scores.pick(_without_duplicates(arrays, scores))
    return _as_stock(arrays, scores.pick(_ranking(arrays, scores)[:top]), by_tid)


def _matchable_tokens(query_run: Any) -> Array:
    """Return the ids of the tokens of a run that are still to be matched; none if no legalese is left."""
    high = query_run.high_matchables
    if not high:
        return np.empty(0, dtype=np.int64)
    tokens = np.array(query_run.tokens, dtype=np.int64)
    matchables = high | query_run.low_matchables
    if len(matchables) == len(tokens):
        return tokens
    return tokens[np.array(matchables.tolist()) - query_run.start]


def _sharing_enough_legalese(arrays: _RuleArrays, high_tids: Array, distinct: int, near: float | None) -> Array:
    """Return the slots of the rules that the text's legalese does not rule out.

    If only rules nearly equal to the text are wanted, the most that the sets can have in common bounds the resemblance.
    """
    high = arrays.counts(high_tids)
    slots = np.flatnonzero(high >= arrays.required_high_unique)
    if near is None:
        return slots
    high = high[slots]
    most = np.minimum(high + arrays.low_unique[slots], high + (distinct - len(high_tids)))
    return slots[most >= (near - 1e-6) * (distinct + arrays.length_unique[slots] - most)]


def _set_scores(arrays: _RuleArrays, slots: Array, tids: Array, threshold: float, only_near: bool) -> _Scores:
    matched = arrays.overlaps(slots, tids)
    enough = matched >= arrays.required_unique[slots]
    slots, matched = slots[enough], matched[enough]
    return _scores(arrays, slots, matched, len(tids), arrays.length_unique[slots], threshold, only_near)


def _multiset_scores(
    arrays: _RuleArrays, slots: Array, counts: Array, total: int, threshold: float, only_near: bool
) -> _Scores:
    matched, high = arrays.multiset_overlaps(slots, counts)
    enough = (high >= arrays.required_high[slots]) & (matched >= arrays.required[slots])
    slots, matched = slots[enough], matched[enough]
    return _scores(arrays, slots, matched, total, arrays.length[slots], threshold, only_near)


def _scores(
    arrays: _RuleArrays,
    slots: Array,
    matched: Array,
    query_length: int,
    rule_length: Array,
    threshold: float,
    only_near: bool,
) -> _Scores:
    resemblance = matched / (query_length + rule_length - matched)
    near = resemblance >= threshold
    near_rounded = _round_to_tenth(resemblance) >= threshold
    if only_near:
        chosen = near & near_rounded
        slots, matched, rule_length = slots[chosen], matched[chosen], rule_length[chosen]
        resemblance, near, near_rounded = resemblance[chosen], near[chosen], near_rounded[chosen]
    containment = matched / rule_length
    amplified = np.array([value**2 for value in resemblance.tolist()], dtype=np.float64)
    return _Scores(
        slots=slots,
        near_rounded=near_rounded,
        containment_rounded=_round_to_tenth(containment),
        resemblance_rounded=_round_to_tenth(amplified),
        length_rounded=arrays.twentieths[matched],
        near=near,
        containment=containment,
        resemblance=amplified,
        length=matched,
    )


def _ranking(arrays: _RuleArrays, scores: _Scores) -> Array:
    """Return the order of the candidates from the best to the worst."""
    columns = [*scores[1:], arrays.rids[scores.slots]]
    return np.lexsort(columns[::-1])[::-1]


def _without_duplicates(arrays: _RuleArrays, scores: _Scores) -> Array:
    """Return the places of the best candidates of each expression, rule length and rounded scores."""
    groups = [
        arrays.likeness[scores.slots],
        scores.near_rounded,
        scores.containment_rounded,
        scores.resemblance_rounded,
        scores.length_rounded,
    ]
    ranks = [scores.near, scores.containment, scores.resemblance, scores.length, arrays.identifier_rank[scores.slots]]
    order = np.lexsort([*reversed(ranks), *groups])
    last = np.ones(len(order), dtype=bool)
    last[:-1] = np.logical_or.reduce([column[order[1:]] != column[order[:-1]] for column in groups])
    return order[last]


def _as_stock(arrays: _RuleArrays, scores: _Scores, by_tid: Array) -> list[Any]:
    rules = arrays.index.rules_by_rid
    positions, begins = arrays.rows.positions(scores.slots)
    tids = arrays.rows.tids[positions]
    is_shared = (by_tid[tids] > 0) & (tids < arrays.len_legalese)
    shared = tids[is_shared].tolist()
    ends = np.cumsum(np.add.reduceat(is_shared, begins, dtype=np.int64)).tolist()
    rids = arrays.rids[scores.slots].tolist()
    candidates = []
    start = 0
    for rid, end, columns in zip(
        rids, ends, zip(*(column.tolist() for column in scores[1:]), strict=True), strict=True
    ):
        vectors = ScoresVector(*columns[:4]), ScoresVector(*columns[4:])
        candidates.append((vectors, rid, rules[rid], intbitset(shared[start:end])))
        start = end
    return candidates


REPLACEMENTS = (
    Replacement(
        module="licensedcode.match_set",
        name="compute_candidates",
        digest="77570776c0727dec",
        function=compute_candidates,
        relies_on={
            "licensedcode.match_set:compare_token_sets": "3a15e8e201d642eb",
            "licensedcode.match_set:filter_dupes": "25437b86d5bb3b5a",
            "licensedcode.match_set:multisets_intersector": "7deeac55d5e2975f",
            "licensedcode.match_set:high_tids_set_subset": "0480ffee9beb3b39",
            "licensedcode.match_set:high_multiset_subset": "27ba2fc68f004e7d",
            "licensedcode.match_set:build_set_and_tids_mset": "70afa814738ca676",
            "licensedcode.query:QueryRun.matchable_tokens": "037ede6c94be56b5",
            "licensedcode.query:QueryRun.matchables": "b95e861715f45deb",
            "licensedcode.models:Rule.compute_thresholds": "ef4a9b1390d899d6",
        },
    ),
)
