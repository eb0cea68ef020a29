"""Count equal texts of a file once.

Copyrights, holders and authors are counted twice in a scan, for the summary and for the tallies, file by file. Counting
normalises each text by a dozen steps, copyrights are even detected anew. The result is the same because it depends on
the texts alone, as long as no folder has brought in counts of its own: then stock's function counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from summarycode import copyright_tallies
from summarycode.utils import get_resource_tallies, set_resource_tallies, sorted_counter

from scanner.engine.speedups import Replacement

#: How many files' texts are remembered.
COUNTS_REMEMBERED = 10_000

_stock_build_tallies = copyright_tallies.build_tallies
_stock_sorted_counter = sorted_counter


@lru_cache(COUNTS_REMEMBERED)
def _counts(tallier: Callable[[list[Any]], dict[Any, int]], texts: tuple[Any, ...], without: int) -> tuple[Any, ...]:
    counted = tallier(list(texts))
    if without:
        counted[None] = without
    return tuple((each["value"], each["count"]) for each in _stock_sorted_counter(counted))


def build_tallies(
    resource: Any,
    children: Iterable[Any],
    attributes_list: str,
    attribute_value: str,
    tallier: Callable[[list[Any]], dict[Any, int]],
    keep_details: bool = False,
) -> list[dict[str, Any]]:
    """Count the texts of a resource and those counted for its children; set and return the counts."""
    values = getattr(resource, attributes_list, [])
    texts = tuple(entry.get(attribute_value) for entry in values) if values else ()
    without = int(not values and bool(resource.is_file))
    for child in children:
        for counted in get_resource_tallies(child, key=attributes_list, as_attribute=keep_details) or ():
            if counted["value"]:
                return _stock_build_tallies(
                    resource, children, attributes_list, attribute_value, tallier, keep_details=keep_details
                )
            without += counted["count"]
    counts = [{"value": value, "count": count} for value, count in _counts(tallier, texts, without)]
    set_resource_tallies(resource, key=attributes_list, value=counts, as_attribute=keep_details)
    return counts


REPLACEMENTS = (
    Replacement(
        "summarycode.copyright_tallies",
        "build_tallies",
        "e2cfd08f2df95246",
        build_tallies,
        relies_on={"summarycode.copyright_tallies:": "421ff72896053114", "summarycode.utils:": "e88f90ca8e6b5771"},
    ),
)
