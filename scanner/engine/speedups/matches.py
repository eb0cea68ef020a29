"""Make and merge matches without the detours.

Stock's ``merge_matches`` compares matches of a rule pair by pair through properties and makes a new match, with new
spans, to see whether two would fit together, and once more to put them together. Here the comparisons are of the
numbers that spans are made of:

* the distance of two spans is more than a limit of at least 0 exactly if one ends that much before the other starts;
  in all other cases stock's distance is 0 or less, or 1 where they touch, which the same difference gives,
* two matches are put together by setting the attributes that stock's ``update`` sets, from the same expressions.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from licensedcode import MAX_DIST
from licensedcode.match import DiscardReason, LicenseMatch

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.spans import joined

_KEPT = DiscardReason.NOT_DISCARDED
_NO_PHRASES = DiscardReason.MISSING_REQUIRED_PHRASES
_new: Any = object.__new__


def make_match(
    rule: Any, qspan: Any, ispan: Any, hispan: Any, run_start: int, matcher: str, order: int, query: Any
) -> Any:
    """Return a new match: ``LicenseMatch(...)`` without the validation of the default that it would get."""
    match = _new(LicenseMatch)
    match.rule = rule
    match.qspan = qspan
    match.ispan = ispan
    match.hispan = hispan
    match.query_run_start = run_start
    match.matcher = matcher
    match.matcher_order = order
    match.start_line = match.end_line = 0
    match.from_file = None
    match.query = query
    match.discard_reason = _KEPT
    return match


def _absorb(match: Any, other: Any, qspan: Any, ispan: Any) -> None:
    """Make `match` the combination of itself and `other`, whose joined spans are `qspan` and `ispan`."""
    _ensure_same_rule(match, other)
    match.qspan = qspan
    match.ispan = ispan
    match.hispan = joined(match.hispan, other.hispan)
    match.query_run_start = min(match.query_run_start, other.query_run_start)
    if other.matcher not in match.matcher:
        match.matcher = f"{match.matcher} {other.matcher}"
        match.matcher_order = max(match.matcher_order, other.matcher_order)
    if other.discard_reason == _KEPT or (match.discard_reason == _NO_PHRASES != other.discard_reason):
        match.discard_reason = other.discard_reason


def _ensure_same_rule(match: Any, other: Any) -> None:
    if match.rule is not other.rule and match.rule != other.rule:
        raise TypeError(f"Cannot combine matches with different rules: from: {match!r}, to: {other!r}")


def _order(match: Any) -> tuple[str, int, int, int, int]:
    qspan = match.qspan
    return match.rule.identifier, qspan._first, -match.hispan._size, -qspan._size, match.matcher_order


def merge_matches(
    matches: list[Any],
    max_dist: int | None = None,
    trace: bool = False,  # noqa: ARG001  stock's signature
) -> list[Any]:
    """Return the matches with those of the same rule that belong together put together; sorts `matches`."""
    if len(matches) < 2:
        return matches
    matches.sort(key=_order)
    merged: list[Any] = []
    for _, group in groupby(matches, key=lambda match: match.rule.identifier):
        rule_matches = list(group)
        if len(rule_matches) > 1:
            length = rule_matches[0].rule.length
            _merge(rule_matches, min(length // 2 or 1, MAX_DIST if max_dist is None else max_dist))
        merged.extend(rule_matches)
    return merged


def _merge(matches: list[Any], limit: int) -> None:
    """Merge the sorted matches of one rule in place, unless they are more than `limit` apart."""
    i = 0
    while i < len(matches) - 1:
        j = i + 1
        while j < len(matches):
            fate = _fate(matches[i], matches[j], limit)
            if fate is _APART:
                break
            if fate is _NEXT_GOES:
                del matches[j]
            elif fate is _CURRENT_GOES:
                del matches[i]
                i -= 1
                break
            else:
                j += 1
        i += 1


#: What becomes of two matches that are compared.
_APART, _NEXT_GOES, _CURRENT_GOES, _BOTH_STAY = "apart", "next goes", "current goes", "both stay"


def _fate(current: Any, following: Any, limit: int) -> str:
    """Compare two matches, put them together if they fit, and return what becomes of them."""
    cq, ci, nq, ni = current.qspan, current.ispan, following.qspan, following.ispan
    if (
        nq._first - cq._last > limit
        or cq._first - nq._last > limit
        or ni._first - ci._last > limit
        or ci._first - ni._last > limit
    ):
        return _APART
    if ci == ni:
        if cq == nq:
            return _NEXT_GOES
        if cq.overlap(nq):
            return _NEXT_GOES if cq.magnitude() <= nq.magnitude() else _CURRENT_GOES
    if cq.issuperset(nq):
        return _NEXT_GOES
    if nq.issuperset(cq):
        return _CURRENT_GOES
    return _fit_together(current, following)


def _fit_together(current: Any, following: Any) -> str:
    cq, ci, nq, ni = current.qspan, current.ispan, following.qspan, following.ispan
    current_surrounds = cq._first <= nq._first and cq._last >= nq._last
    following_surrounds = nq._first <= cq._first and nq._last >= cq._last
    if current_surrounds or following_surrounds:
        _ensure_same_rule(current, following)
        qspan, ispan = joined(cq, nq), joined(ci, ni)
        if len(qspan) == len(ispan):
            if current_surrounds:
                _absorb(current, following, qspan, ispan)
                return _NEXT_GOES
            _absorb(following, current, qspan, ispan)
            return _CURRENT_GOES
    if nq._first > cq._last and ni._first > ci._last:
        _absorb(current, following, joined(cq, nq), joined(ci, ni))
        return _NEXT_GOES
    in_sequence = cq._first <= nq._first and cq._last <= nq._last and ci._first <= ni._first and ci._last <= ni._last
    if in_sequence and (overlap := cq.overlap(nq)) and overlap == ci.overlap(ni):
        _absorb(current, following, joined(cq, nq), joined(ci, ni))
        return _NEXT_GOES
    return _BOTH_STAY


REPLACEMENTS = (
    Replacement(
        module="licensedcode.match",
        name="merge_matches",
        digest="8bae1693aff9904e",
        function=merge_matches,
        relies_on={
            "licensedcode.match:LicenseMatch.combine": "38f020c3a0c5e802",
            "licensedcode.match:LicenseMatch.update": "b413b7df2e1f707c",
            "licensedcode.match:LicenseMatch.qdistance_to": "1591b7ccca099e39",
            "licensedcode.match:LicenseMatch.idistance_to": "9fe0ec560d661796",
            "licensedcode.match:LicenseMatch.surround": "612916b2eb4bcffb",
            "licensedcode.match:LicenseMatch.is_after": "4dd247d4a2d057ac",
            "licensedcode.spans:Span": "b894352a95455f8f",
        },
    ),
)
