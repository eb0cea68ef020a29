"""Count the unknown words in a match by looking at its positions only.

Stock intersects the span of the match with that of all unknown words of the query. These are the keys of
``unknowns_by_pos`` (but for -1, which is in no span): ``Query`` makes both from the same words. So the sum over the
intersection is the sum over the positions of the match, with nothing added where there is no unknown word.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any

from scanner.engine.speedups import Replacement


def qmagnitude(self: Any) -> int:
    """Return how many words a match stretches over, known and unknown, matched or not, but for stop words."""
    qspan, query = self.qspan, self.query
    magnitude = qspan.magnitude()
    if query:
        unknowns = query.unknowns_by_pos
        magnitude += sum(map(unknowns.get, qspan, repeat(0))) - unknowns.get(qspan.end, 0)
    return magnitude


REPLACEMENTS = (
    Replacement(
        module="licensedcode.match",
        name="LicenseMatch.qmagnitude",
        digest="35c0a124ec930031",
        function=qmagnitude,
        relies_on={
            "licensedcode.match:LicenseMatch.qregion_len": "140caf0fa0526acd",
            "licensedcode.query:Query.tokens_by_line": "9d5d1cb6c0722e17",
            "licensedcode.spans:Span": "b894352a95455f8f",
        },
    ),
)
