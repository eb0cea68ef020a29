"""Make a licence match of its data without going through what is the same for all of them.

The codebase-level steps make each match of a report several times over. Stock calls attrs' constructor, which makes and
checks the values that were not given; here they are set as it sets them. Nearly all rules come from the index, by the
identifier that the data has; the others are left to stock.
"""

from __future__ import annotations

from typing import Any

from licensedcode import cache, models
from licensedcode.detection import LicenseMatchFromResult
from licensedcode.match import DiscardReason
from licensedcode.spans import Span

from scanner.engine.speedups import Replacement

#: How identifiers begin that stock makes a rule for on the spot.
_MADE_UP = ("spdx-license-identifier", "license-detection-unknown", "package-manifest")

_stock_from_match_data = models.Rule.from_match_data
_new: Any = object.__new__


def rule_of(license_match_mapping: Any) -> Any:
    """Return the rule that a match was made by. Raise KeyError if the index has no such rule."""
    identifier = license_match_mapping["rule_identifier"]
    if identifier.startswith(_MADE_UP):
        return _stock_from_match_data(license_match_mapping)
    return _rules()[identifier]


def _rules() -> Any:
    """Return the rules of the index by their identifiers. None of these begins as those do that are made up."""
    known = cache._LICENSE_CACHE
    return (known.index if known else cache.get_index()).rules_by_id


def match_of(cls: type[LicenseMatchFromResult], license_match_mapping: Any) -> LicenseMatchFromResult:
    """Return the match that data is of."""
    if cls is not LicenseMatchFromResult:
        return _stock_from_dict(cls, license_match_mapping)
    match = _new(cls)
    rule = _rules().get(license_match_mapping["rule_identifier"])
    match.rule = models.Rule.from_match_data(license_match_mapping) if rule is None else rule
    match.qspan = match.ispan = match.query = None
    match.hispan = Span()
    match.query_run_start = match.matcher_order = 0
    match.matcher = license_match_mapping["matcher"]
    match.start_line = license_match_mapping["start_line"]
    match.end_line = license_match_mapping["end_line"]
    match.from_file = license_match_mapping["from_file"]
    match.discard_reason = DiscardReason.NOT_DISCARDED
    match.match_score = license_match_mapping["score"]
    match.matched_length = license_match_mapping["matched_length"]
    match.match_coverage = license_match_mapping["match_coverage"]
    match.text = license_match_mapping.get("matched_text") or None
    match.matched_text_diagnostics = license_match_mapping.get("matched_text_diagnostics") or None
    return match


_stock_from_dict: Any = LicenseMatchFromResult.__dict__["from_dict"].__func__

REPLACEMENTS = (
    Replacement(
        "licensedcode.models",
        "Rule.from_match_data",
        "d27ef5b22818aaa1",
        staticmethod(rule_of),
        relies_on={"licensedcode.cache:populate_cache": "bf05e193fbcf8b4b"},
    ),
    Replacement(
        "licensedcode.detection",
        "LicenseMatchFromResult.from_dict",
        "56c01e7aef8c817e",
        classmethod(match_of),
        relies_on={
            "licensedcode.match:LicenseMatch": "ce7da22319005b73",
            "licensedcode.detection:LicenseMatchFromResult": "fe35271df4cf25d2",
        },
    ),
)
