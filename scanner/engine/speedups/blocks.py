"""The blocks that a long run and a rule have in common, asked for again and again from other starts.

``licensedcode.seq.match_blocks`` looks for the longest match of the run and the rule by going through all of both, then
on both sides of it, and so on. Where a rule is repeated a thousand times in a file it is asked a thousand times, each
time for what is behind the last answer: quadratic. Here the matches are found once.

Before it is extended by other tokens, a match is a stretch of legalese of the run that stands in the rule, too. All of
these that no other one holds (`_Stretches`) are listed by where they start in the run. Each is cut to what lies in the
part of the run and the part of the rule that are asked for; the answer is the longest; of several the one that starts
first in the run; of these the one that starts first in the rule. For ``find_longest_match`` goes through the run from
its start, and through the rule from its start, and keeps what is longer than all before.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Of more pairs of equal tokens than these no list is made: each takes some 50 bytes for a moment.
MOST_PAIRS = 4_000_000
#: So many stretches are remembered for parts of the rule.
_MOST_KEPT = 2_000_000


def pairs(run: list[int], anchors: list[int], postings: dict[int, list[int]]) -> int:
    """Return how many pairs of equal legalese there are."""
    return sum(len(postings[run[place]]) for place in anchors)


class Blocks:
    """A run and a rule, as sequences of token numbers."""

    def __init__(self, run: list[int], rule: Any, anchors: Array, postings: dict[int, list[int]], end: int) -> None:
        """Take the places of legalese in the run, those in the rule by token, and where the run ends for this rule."""
        self.run, self.rule, self.end = run, rule, end
        self._stretches = _stretches(np.array(run), anchors, postings)
        self._behind: dict[int, _Stretches] = {}
        self._kept = 0

    def match(self, start: int) -> list[tuple[int, int, int]]:
        """Return what ``match_blocks`` does for the run from ``start`` on: (place, place in the rule, length)."""
        waiting = [(start, self.end, 0, len(self.rule))]
        found = []
        while waiting:
            alo, ahi, blo, bhi = waiting.pop()
            longest = self._longest(alo, ahi, blo, bhi)
            if longest is None:
                continue
            i, j, size = self._extended(*longest, alo, ahi, blo, bhi)
            found.append((i, j, size))
            if alo < i and blo < j:
                waiting.append((alo, i, blo, j))
            if i + size < ahi and j + size < bhi:
                waiting.append((i + size, ahi, j + size, bhi))
        return _joined(sorted(found))

    def _longest(self, alo: int, ahi: int, blo: int, bhi: int) -> tuple[int, int, int] | None:
        if ahi == self.end and bhi == len(self.rule):
            return self._from(blo).first_longest(alo)
        return self._stretches.longest_between(alo, ahi, blo, bhi)

    def _from(self, blo: int) -> _Stretches:
        """Return the stretches, each cut to what lies in the rule from ``blo`` on."""
        if blo not in self._behind:
            cut = self._stretches.cut(blo)
            if self._kept + len(cut.starts) > _MOST_KEPT:
                self._behind.clear()
                self._kept = 0
            self._behind[blo] = cut
            self._kept += len(cut.starts)
        return self._behind[blo]

    def _extended(self, i: int, j: int, size: int, alo: int, ahi: int, blo: int, bhi: int) -> tuple[int, int, int]:
        """Extend a stretch by equal tokens on both sides, as ``extend_match`` does."""
        run, rule = self.run, self.rule
        while i > alo and j > blo and run[i - 1] == rule[j - 1]:
            i, j, size = i - 1, j - 1, size + 1
        while i + size < ahi and j + size < bhi and run[i + size] == rule[j + size]:
            size += 1
        return i, j, size


class _Stretches:
    """Equal stretches of legalese, by their starts in the run and then in the rule."""

    def __init__(self, starts: Array, rule_starts: Array, sizes: Array) -> None:
        self.starts, self.rule_starts, self.sizes = starts, rule_starts, sizes
        self.most = int(sizes.max(initial=0))
        self._leaders: tuple[list[int], list[int]] | None = None

    def cut(self, blo: int) -> _Stretches:
        """Return them without what lies before ``blo`` in the rule."""
        before = np.maximum(blo - self.rule_starts, 0)
        left = np.flatnonzero(self.sizes > before)
        before = before[left]
        starts, rule_starts = self.starts[left] + before, self.rule_starts[left] + before
        order = np.lexsort((rule_starts, starts))
        return _Stretches(starts[order], rule_starts[order], (self.sizes[left] - before)[order])

    def longest_between(self, alo: int, ahi: int, blo: int, bhi: int) -> tuple[int, int, int] | None:
        """Return the longest part of one of them in these parts of run and rule, the first of several."""
        low, high = self.starts.searchsorted((alo - self.most + 1, ahi)).tolist()
        if low == high:
            return None
        starts, rule_starts = self.starts[low:high], self.rule_starts[low:high]
        before = np.maximum(np.maximum(alo - starts, blo - rule_starts), 0)
        ends = np.minimum(np.minimum(self.sizes[low:high], ahi - starts), bhi - rule_starts)
        sizes = ends - before
        size = int(sizes.max())
        if size <= 0:
            return None
        longest = (sizes == size).nonzero()[0]
        firsts = zip((starts + before)[longest].tolist(), (rule_starts + before)[longest].tolist(), strict=True)
        return (*min(firsts), size)

    def first_longest(self, start: int) -> tuple[int, int, int] | None:
        """Return the longest from ``start`` on, the first of several; what begins before is cut."""
        places, starts = self._in_order()
        following = bisect_left(starts, start)
        found = None
        if following < len(starts):
            place = places[following]
            found = int(self.starts[place]), int(self.rule_starts[place]), int(self.sizes[place])
        low, high = self.starts.searchsorted((start - self.most + 1, start)).tolist()
        if low < high:
            sizes = self.sizes[low:high] - (start - self.starts[low:high])
            size = int(sizes.max())
            # What is cut begins at the start, and with it what begins there uncut: the first in the rule is asked for.
            if size > 0 and (found is None or size >= found[2]):
                rule_starts = (self.rule_starts[low:high] - self.starts[low:high])[sizes == size] + start
                rule_start = int(rule_starts.min())
                if found is not None and found[2] == size and found[0] == start:
                    rule_start = min(rule_start, found[1])
                found = start, rule_start, size
        return found

    def _in_order(self) -> tuple[list[int], list[int]]:
        """Return the places, and the starts, of those that are longer than all behind them or as long."""
        if self._leaders is None:
            best = np.maximum.accumulate(self.sizes[::-1])[::-1]
            places = np.flatnonzero(self.sizes == best)
            self._leaders = places.tolist(), self.starts[places].tolist()
        return self._leaders


def _stretches(run: Array, anchors: Array, postings: dict[int, list[int]]) -> _Stretches:
    """List the longest equal stretches of legalese: of pairs of equal tokens those that follow each other in both."""
    tids = np.array(sorted(postings))
    counts = np.array([len(postings[tid]) for tid in tids.tolist()])
    joined = np.array([place for tid in tids.tolist() for place in postings[tid]])
    which = np.searchsorted(tids, run[anchors])
    repeats = counts[which]
    places = np.repeat(anchors, repeats)
    first = np.repeat(np.cumsum(counts)[which] - repeats, repeats)
    number = np.arange(len(places)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    rule_places = joined[first + number]
    order = np.lexsort((places, places - rule_places))
    places, rule_places = places[order], rule_places[order]
    follows = (np.diff(places) == 1) & (np.diff(rule_places) == 1)
    begins = np.flatnonzero(np.concatenate(([True], ~follows)))
    sizes = np.diff(begins, append=len(places))
    starts, rule_starts = places[begins], rule_places[begins]
    by_start = np.lexsort((rule_starts, starts))
    return _Stretches(starts[by_start], rule_starts[by_start], sizes[by_start])


def _joined(blocks: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Put together blocks that touch in run and rule, as ``match_blocks`` does."""
    result: list[tuple[int, int, int]] = []
    for i, j, size in blocks:
        if result and (last := result[-1])[0] + last[2] == i and last[1] + last[2] == j:
            result[-1] = (*last[:2], last[2] + size)
        else:
            result.append((i, j, size))
    return result
