"""Let the steps that only read a codebase, or save what they change, walk over its own resources.

A walk hands out copies, lest a step change a resource that it does not save. The steps here change nothing, but for
counts and tallies, and these they save right away; tallies, and the matches that are told their file, lie in dicts that
copies share anyhow. So they are stock's own functions, given a codebase that copies nothing (``resources.Uncopied``).
Counting goes over children with a method of the resource's own, which copies them all the same: it is written anew.
"""

from __future__ import annotations

from typing import Any

from commoncode.resource import Codebase
from licensedcode import detection, licenses_reference
from scancode import cli
from summarycode import score, tallies

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.resources import Uncopied, stored, stored_children

_stock_values = score.get_field_values_from_codebase_resources
_stock_tallies = tallies.compute_codebase_tallies
_stock_references_from_files = licenses_reference.collect_references_from_files
_stock_references_from_packages = licenses_reference.collect_references_from_packages
_stock_detections = detection.collect_license_detections
_stock_errors = cli.collect_errors


def get_field_values_from_codebase_resources(codebase: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """Return all values of an attribute in key files, or in all others."""
    return _stock_values(Uncopied(codebase), *args, **kwargs)


def compute_codebase_tallies(codebase: Any, *args: Any, **kwargs: Any) -> Any:
    """Count licences, copyrights and so on in each folder; return what is in the root."""
    return _stock_tallies(Uncopied(codebase), *args, **kwargs)


def collect_references_from_files(codebase: Any) -> tuple[set[str], dict[str, Any]]:
    """Return the keys of the licences found in files, and the rules that found them by their identifiers."""
    return _stock_references_from_files(Uncopied(codebase))


def collect_references_from_packages(codebase: Any) -> tuple[set[str], dict[str, Any]]:
    """Return the keys of the licences found in package data, and the rules that found them by their identifiers."""
    return _stock_references_from_packages(Uncopied(codebase))


def collect_errors(codebase: Any, verbose: bool = False) -> list[str]:
    """Return what went wrong, with the whole text where ``verbose``."""
    return _stock_errors(Uncopied(codebase), verbose)


def collect_license_detections(codebase: Any, include_license_clues: bool = True) -> list[Any]:
    """Return the detections of all files and packages; name the file in each match."""
    return _stock_detections(Uncopied(codebase), include_license_clues)


def update_counts(self: Codebase, skip_filtered: bool = False) -> None:
    """Count files, folders and bytes below each folder."""
    for resource in stored(self, topdown=False):
        below = stored_children(resource, self)
        if below:
            counted = [child for child in below if not (skip_filtered and child.is_filtered)]
            files = sum(bool(child.is_file) for child in counted)
            sizes = sum(child.size or 0 for child in counted)
            resource.files_count = sum(child.files_count or 0 for child in below) + files
            resource.dirs_count = sum(child.dirs_count or 0 for child in below) + len(counted) - files
            resource.size_count = sum(child.size_count or 0 for child in below) + sizes
        else:
            resource.files_count = resource.dirs_count = resource.size_count = 0
        resource.save(self)


REPLACEMENTS = (
    Replacement(
        "summarycode.score",
        "get_field_values_from_codebase_resources",
        "9efc63c06417e426",
        get_field_values_from_codebase_resources,
        also_in=("summarycode.summarizer",),
    ),
    Replacement(
        "summarycode.tallies",
        "compute_codebase_tallies",
        "da98e278a8e29eca",
        compute_codebase_tallies,
        also_in=("summarycode.summarizer",),
        relies_on={
            "summarycode.tallies:": "1163df292c65bed1",
            "summarycode.utils:": "e88f90ca8e6b5771",
            "summarycode.copyright_tallies:": "421ff72896053114",
        },
    ),
    Replacement(
        "licensedcode.licenses_reference",
        "collect_references_from_files",
        "e8f86d1a568e3a28",
        collect_references_from_files,
    ),
    Replacement(
        "licensedcode.licenses_reference",
        "collect_references_from_packages",
        "0057888b1035f50e",
        collect_references_from_packages,
    ),
    Replacement(
        "licensedcode.detection",
        "collect_license_detections",
        "81a9f4f85f7da010",
        collect_license_detections,
        also_in=("licensedcode.plugin_license", "summarycode.todo"),
        relies_on={"licensedcode.detection:": "a52230bc53e32d4d"},
    ),
    Replacement("scancode.cli", "collect_errors", "5186701e1f1431d4", collect_errors),
    Replacement(
        "commoncode.resource",
        "Codebase.update_counts",
        "98056b57e609d35a",
        update_counts,
        relies_on={"commoncode.resource:Resource._compute_children_counts": "155e1b8a43e53df9"},
    ),
)
