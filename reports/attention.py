"""What in a report is worth a look: found once, when the store is built, and kept in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reports.values import Attention, Filters, License
from reports.words import by_weight

if TYPE_CHECKING:
    from reports.reader import Report

_PACKAGES_LOOKED_AT = 500

#: Licences that one sentence names.
_NAMED = 3

#: Longer expressions make a sentence unreadable.
_LONGEST = 60


def find(report: Report) -> list[dict[str, Any]]:
    """Return the list as JSON, what asks most of the reader first."""
    found = [
        *_undeclared(report),
        *_other_categories(report),
        *_conflicts(report),
        *_unknown(report),
        *_errors(report),
        *_unlicensed(report),
    ]
    return [asdict(item) for item in found]


def load(items: list[dict[str, Any]]) -> tuple[Attention, ...]:
    """Make the list from its JSON."""
    return tuple(
        Attention(
            kind=item["kind"],
            sentence=item["sentence"],
            count=item["count"],
            filters=Filters(**item["filters"]) if item["filters"] else None,
            examples=tuple(item["examples"]),
        )
        for item in items
    )


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _have(count: int) -> str:
    return f"{_files(count)} {'has' if count == 1 else 'have'}"


def _named(licenses: Sequence[str]) -> str:
    """Name the first of the licences, and say how many more there are."""
    more = len(licenses) - _NAMED
    return ", ".join(licenses[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _examples(report: Report, filters: Filters) -> tuple[str, ...]:
    return tuple(row.path for row in report.files(filters, per_page=3).files.items)


def _undeclared(report: Report) -> list[Attention]:
    if report.summary().declared:
        return []
    return [Attention("undeclared", "No licence is declared for the whole.", 1)]


def _other_categories(report: Report) -> list[Attention]:
    """Name the categories of licences in files that the declared licence is not of, public domain left aside."""
    declared = report.summary().declared
    if not declared:
        return []
    known = {*declared.categories, "Public Domain"}
    by_category: dict[str, list[License]] = {}
    for license in report.licenses():
        if license.category not in known and not license.is_unknown:
            by_category.setdefault(license.category, []).append(license)
    files = {share.value: share.files for share in report.categories()}
    found = []
    for category in by_weight(by_category):
        licenses = by_category[category]
        filters = Filters(category=category)
        names = _named([license.spdx for license in licenses])
        sentence = f"{_have(files[category])} a licence of the category {category}: {names}."
        found.append(Attention("other-category", sentence, files[category], filters, _examples(report, filters)))
    return found


def _conflicts(report: Report) -> list[Attention]:
    packages = report.packages(per_page=_PACKAGES_LOOKED_AT).items
    differing = [package for package in packages if package.agrees is False]
    if not differing:
        return []
    if len(differing) == 1:
        package = differing[0]
        declared = package.declared_spdx or ""
        known = declared if len(declared) <= _LONGEST else "licences"
        names = _named(package.undeclared or ())
        sentence = f"The files of {package.purl} name licences beside the {known} that it declares: {names}."
        return [Attention("conflict", sentence, 1, Filters(package=package.uid))]
    sentence = f"{len(differing)} packages have files that name licences which the package does not declare."
    return [Attention("conflict", sentence, len(differing), None, tuple(package.purl for package in differing[:3]))]


def _unknown(report: Report) -> list[Attention]:
    found = []
    for license in report.licenses():
        if license.is_unknown:
            filters = Filters(license=license.key)
            sentence = (
                f"{_files(license.files)} speak{'s' if license.files == 1 else ''} of a licence that is not known:"
                f" {license.name}."
            )
            found.append(Attention("unknown", sentence, license.files, filters, _examples(report, filters)))
    return found


def _errors(report: Report) -> list[Attention]:
    count = report.counts.failed
    filters = Filters(has_error=True)
    sentence = f"{_files(count)} could not be scanned in full."
    return [Attention("error", sentence, count, filters, _examples(report, filters))] if count else []


def _unlicensed(report: Report) -> list[Attention]:
    count = report.counts.unlicensed
    filters = Filters(no_license=True)
    sentence = f"No licence was detected in {_files(count)} of {report.counts.files:,}."
    return [Attention("unlicensed", sentence, count, filters, _examples(report, filters))] if count else []
