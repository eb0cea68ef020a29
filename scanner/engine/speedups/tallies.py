"""Count the same findings of a file once.

Licences, copyrights, holders, authors and languages are counted twice in a scan, for the summary and for the tallies,
file by file. Counting normalises each text by a dozen steps, copyrights are even detected anew. The result is the same
because it depends on the texts alone, as long as no folder has brought in counts of its own: then stock's function
counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from summarycode import copyright_tallies
from summarycode import tallies as stock_tallies
from summarycode.utils import get_resource_tallies, set_resource_tallies, sorted_counter

from scanner.engine.speedups import Replacement

#: How many files' texts are remembered.
COUNTS_REMEMBERED = 10_000

_stock_build_tallies = copyright_tallies.build_tallies
_stock_license_tallies = stock_tallies.license_tallies
_stock_language_tallies = stock_tallies.language_tallies
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
    return _set(resource, attributes_list, _counts(tallier, texts, without), keep_details)


def license_tallies(resource: Any, children: Sequence[Any], keep_details: bool = False) -> list[dict[str, Any]]:
    """Count the licence expressions of a resource and those counted for its children; set and return the counts."""
    if children or getattr(resource, "package_data", None):
        return _stock_license_tallies(resource, children, keep_details)
    found = [*getattr(resource, "license_detections", ()), *getattr(resource, "license_clues", ())]
    expressions = tuple(each["license_expression"] for each in found)
    return _set(resource, "detected_license_expression", _whole(expressions, resource), keep_details)


def language_tallies(resource: Any, children: Sequence[Any], keep_details: bool = False) -> list[dict[str, Any]]:
    """Count the language of a resource and those counted for its children; set and return the counts."""
    if children:
        return _stock_language_tallies(resource, children, keep_details)
    language = getattr(resource, "programming_language", None)
    return _set(resource, "programming_language", _whole((language,) if language else (), resource), keep_details)


def _whole(values: tuple[Any, ...], resource: Any) -> tuple[Any, ...]:
    """Return how often each value is there; a file without any counts as one of none."""
    return _counts(Counter, values or ((None,) if resource.is_file else ()), 0)


def _set(resource: Any, key: str, counted: tuple[Any, ...], keep_details: bool) -> list[dict[str, Any]]:
    counts = [{"value": value, "count": count} for value, count in counted]
    set_resource_tallies(resource, key=key, value=counts, as_attribute=keep_details)
    return counts


REPLACEMENTS = (
    Replacement(
        "summarycode.copyright_tallies",
        "build_tallies",
        "e2cfd08f2df95246",
        build_tallies,
        relies_on={"summarycode.copyright_tallies:": "421ff72896053114", "summarycode.utils:": "e88f90ca8e6b5771"},
    ),
    Replacement(
        "summarycode.tallies",
        "license_tallies",
        "77cfc9d52fb81f2e",
        license_tallies,
        relies_on={"summarycode.tallies:tally_licenses": "7d7f435efba1bf0b", "summarycode.utils:": "e88f90ca8e6b5771"},
    ),
    Replacement(
        "summarycode.tallies",
        "language_tallies",
        "c6b8372667a4f361",
        language_tallies,
        relies_on={"summarycode.tallies:tally_languages": "a87ef62b95725f52", "summarycode.utils:": "e88f90ca8e6b5771"},
    ),
)
