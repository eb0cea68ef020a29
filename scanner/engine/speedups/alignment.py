"""Align a query run with its candidate rules once per repetition, and only where they share legalese.

Stock's loops, and what is left of them:

* A run of which nothing is left to match gets no matches from its candidates; so they are not looked for.
* A round of ``match_sequence`` aligns the rule with the rest of the run, until a round finds nothing. It finds nothing
  exactly if the rest has no matchable token that is legalese and in the rule (every block grows from one); that is seen
  from the positions of these tokens, so the last round is not made.
* ``get_query_run_approximate_matches`` calls ``match_sequence`` again on what is behind the last match, where the round
  just described has found nothing (or on less, because it adds the start of the run twice): no matches.
* A block contains one of these tokens (an anchor) and no token that the rule does not have. So the stretches of the
  rule's tokens that have no anchor, and all other tokens, can be left out of a long run, with one break in their
  place: the blocks stay in the same order and as long as they were, which is all that decides between them. Nor does a
  block reach beyond an anchor by the length of the rule.
* What stock asks again and again in these loops (digits only? what is matchable?) does not change in them.

Deadlines are looked at where stock looks at them. Nothing here passes one on that stock does not.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator
from time import time
from typing import Any

import numpy as np
import numpy.typing as npt
from intbitset import intbitset
from licensedcode import index, match, match_set
from licensedcode.index import match_blocks_seq
from licensedcode.match_seq import MATCH_SEQ, MATCH_SEQ_ORDER

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.blocks import MOST_PAIRS, Blocks, pairs
from scanner.engine.speedups.candidates import prepare
from scanner.engine.speedups.matches import make_match
from scanner.engine.speedups.spans import from_bits, make

Array = npt.NDArray[Any]

stock_get_approximate_matches = index.LicenseIndex.get_approximate_matches

_MAX_NEAR_DUPE_CANDIDATES = 10
_MAX_CANDIDATES = 70

#: Stands for a token that cannot be part of a match.
_BREAK = -1
#: From this many tokens on, it pays to put together those that can.
_LONG = 200
#: After so many rounds it pays to list all that a long run and a rule have in common, see `blocks`.
_ROUNDS = 3


def get_approximate_matches(
    self: Any,
    query: Any,
    matched_qspans: list[Any],
    existing_matches: list[Any],
    deadline: float = sys.maxsize,
    **kwargs: Any,
) -> list[Any]:
    """Return the matches of the whole query to its near duplicates, then those of its runs to their candidates."""
    if index.USE_BIGRAM_MULTISETS or index.USE_DMP or index.USE_RULE_STARTS:
        return stock_get_approximate_matches(self, query, matched_qspans, existing_matches, deadline, **kwargs)
    matches: list[Any] = []
    whole = query.whole_query_run()
    candidates = match_set.compute_candidates(
        query_run=whole,
        idx=self,
        matchable_rids=self.approx_matchable_rids,
        top=_MAX_NEAR_DUPE_CANDIDATES,
        high_resemblance=True,
    )
    covered = _covered(matched_qspans, len(query.tokens))
    if candidates:
        matches.extend(_align_all(self, whole, candidates, covered, deadline))
        for found in matches:
            query.subtract(found.qspan)
        if time() > deadline:
            return matches
    for query_run in query.query_runs:
        if _has_left(query_run, covered):
            candidates = match_set.compute_candidates(
                query_run=query_run,
                idx=self,
                matchable_rids=self.approx_matchable_rids,
                top=_MAX_CANDIDATES,
                high_resemblance=False,
            )
            matches.extend(_align_all(self, query_run, candidates, covered, deadline))
        if time() > deadline:
            break
    return matches


def _covered(spans: list[Any], length: int) -> bytearray:
    """Return a one for each position of a query that is in one of the spans."""
    covered = bytearray(length)
    for span in spans:
        if len(span) == span.magnitude():
            covered[span.start : span.end + 1] = b"\1" * len(span)
        else:
            for position in span:
                covered[position] = 1
    return covered


def _has_left(query_run: Any, covered: bytearray) -> bool:
    """Tell whether a run has legalese left that is in no exact match, and is not of digits only."""
    if query_run.is_digits_only():
        return False
    return not all(map(covered.__getitem__, query_run.high_matchables))


def _align_all(idx: Any, query_run: Any, candidates: list[Any], covered: bytearray, deadline: float) -> list[Any]:
    """Return the merged matches of a run to its candidates."""
    if not candidates or not _has_left(query_run, covered):
        return []
    matches: list[Any] = []
    run = _Run(idx, query_run)
    for _, rid, rule, shared in candidates:
        matches.extend(run.align(rid, rule, shared))
        if time() > deadline:
            break
    return match.merge_matches(matches)


class _Run:
    """A query run, with what is asked of it for each candidate; positions in it count from its start."""

    def __init__(self, idx: Any, query_run: Any) -> None:
        self.idx = idx
        self.query = query_run.query
        self.start = query_run.start
        tokens = np.array(query_run.tokens)
        self.tokens = np.full(len(tokens), _BREAK)
        matchables = np.array(query_run.matchables.tolist()) - self.start
        self.tokens[matchables] = tokens[matchables]
        self.listed = self.tokens.tolist()
        self.high = np.array(query_run.high_matchables.tolist()) - self.start
        self.high_tids = tokens[self.high]
        # The last place is for the break, which is in no rule.
        self.flags = np.zeros(prepare(idx).tokens + 1, dtype=bool)
        self._spans: dict[tuple[int, int], Any] = {}

    def _span(self, first: int, length: int) -> Any:
        """Return a span without gaps, the same one each time: a list of licences matches many rules at each place."""
        span = self._spans.get((first, length))
        if span is None:
            span = self._spans[first, length] = make(first, first + length - 1)
        return span

    def align(self, rid: int, rule: Any, shared: intbitset) -> Iterator[Any]:
        """Yield a match for each block that the run and the rule have in common, growing from `shared` legalese."""
        rule_tokens = self.idx.tids_by_rid[rid]
        shared_tids = shared.tolist()
        self.flags[shared_tids] = True
        anchors = self.high[self.flags[self.high_tids]]
        # Stock keeps these for all rules, which makes its index larger by 190 MB.
        postings: dict[int, list[int]] = {}
        for ipos in np.flatnonzero(self.flags[np.frombuffer(rule_tokens, dtype=np.int16)]).tolist():
            postings.setdefault(rule_tokens[ipos], []).append(ipos)
        self.flags[shared_tids] = False
        legalese = legalese_bits(self.idx, rid)
        parts: dict[tuple[int, int], tuple[Any, Any]] = {}

        tokens, places = self.listed, None
        if len(anchors) and anchors[-1] - anchors[0] > _LONG:
            tokens, places, anchors = self._condensed(anchors, rule_tokens)
        start, reach = 0, len(rule_tokens)
        ordered = anchors.tolist()
        last = ordered[-1] if ordered else -1
        end = min(len(tokens), last + reach + 1)
        rounds = 0
        blocks: Blocks | None = None
        while start <= last:
            begin = max(start, ordered[bisect_left(ordered, start)] - reach)
            if rounds == _ROUNDS and last - begin > _LONG and pairs(tokens, ordered, postings) <= MOST_PAIRS:
                blocks = Blocks(tokens, rule_tokens, anchors, postings, end)
            rounds += 1
            if blocks is not None:
                found = blocks.match(begin)
            else:
                found = match_blocks_seq(
                    a=tokens,
                    b=rule_tokens,
                    a_start=begin,
                    a_end=end,
                    b2j=postings,
                    len_good=self.idx.len_legalese,
                    matchables=range(len(tokens)),
                )
            for place, ipos, length in found:
                qpos = self.start + (place if places is None else int(places[place]))
                part = parts.get((ipos, length))
                if part is None:
                    high = from_bits(ipos, (legalese >> ipos) & ((1 << length) - 1))
                    part = parts[ipos, length] = self._span(ipos, length), high
                yield make_match(
                    rule,
                    self._span(qpos, length),
                    *part,
                    self.start,
                    MATCH_SEQ,
                    MATCH_SEQ_ORDER,
                    self.query,
                )
                start = max(start, place + length)

    def _condensed(self, anchors: Array, rule_tokens: Any) -> tuple[list[int], Array, Array]:
        """Return the tokens of the run that can be in a block, one break for what is between, and where they are.

        That is the stretches of tokens which are all in the rule and of which one is an anchor. The third item is the
        anchors' places among them.
        """
        rule_tids = np.frombuffer(rule_tokens, dtype=np.int16)
        self.flags[rule_tids] = True
        is_in = self.flags[self.tokens]
        self.flags[rule_tids] = False
        edges = np.flatnonzero(np.diff(is_in, prepend=False, append=False))
        starts, ends = edges[::2], edges[1::2]
        chosen, stretch = np.unique(np.searchsorted(starts, anchors, side="right") - 1, return_inverse=True)
        starts, ends = starts[chosen], ends[chosen]
        lengths = ends - starts + 1
        begins = np.cumsum(lengths) - lengths
        places = np.repeat(starts - begins, lengths) + np.arange(lengths.sum())
        tokens = self.tokens[np.minimum(places, len(self.tokens) - 1)]
        tokens[begins + lengths - 1] = _BREAK
        return tokens.tolist(), places, anchors - (starts - begins)[stretch]


_legalese: dict[int, tuple[Any, int]] = {}


def legalese_bits(idx: Any, rid: int) -> int:
    """Return which tokens of a rule are legalese: bit k for the token at k."""
    tokens = idx.tids_by_rid[rid]
    known = _legalese.get(rid)
    if known is None or known[0] is not tokens:
        high = np.frombuffer(tokens, dtype=np.int16) < idx.len_legalese
        known = _legalese[rid] = tokens, int.from_bytes(np.packbits(high, bitorder="little").tobytes(), "little")
    return known[1]


REPLACEMENTS = (
    Replacement(
        module="licensedcode.index",
        name="LicenseIndex.get_approximate_matches",
        digest="74146f0738ed1d20",
        function=get_approximate_matches,
        relies_on={
            "licensedcode.index:LicenseIndex.get_query_run_approximate_matches": "104b986c6261bef2",
            "licensedcode.match_seq:match_sequence": "0ff190df0c3882e6",
            "licensedcode.seq:match_blocks": "3121d7c29961b513",
            "licensedcode.seq:find_longest_match": "d314e1c9bfeca88b",
            "licensedcode.seq:extend_match": "45865aec6761ff18",
            "licensedcode.query:QueryRun.is_matchable": "2329a0debbd54fa0",
            "licensedcode.query:QueryRun.matchables": "b95e861715f45deb",
            "licensedcode.query:QueryRun.tokens": "661618a03263b775",
            "licensedcode.query:Query.__init__": "fd8b79c7cbd9c0ef",
            "licensedcode.query:Query.subtract": "60f2f0469ab7d5c6",
            "licensedcode.spans:Span": "b894352a95455f8f",
        },
    ),
)
