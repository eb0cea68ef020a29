"""Look up the files that a package was found in instead of walking over the codebase for each package.

The summary asks of each package whether one of the files with its data is in the codebase, and stock compares the path
of every file of the codebase until it finds one. The result is the same because a walk yields the resources that
``resources_by_path`` holds, each under its own path. Where it holds no more than that a resource is on disk, stock
walks.
"""

from __future__ import annotations

from typing import Any

from commoncode.resource import Resource
from summarycode import summarizer

from scanner.engine.speedups import Replacement

_stock_is_key_package = summarizer.is_key_package


def is_key_package(package: Any, codebase: Any) -> bool:
    """Tell whether one of the files that a package was found in is a file of the codebase."""
    for path in package.datafile_paths or ():
        found = codebase.resources_by_path.get(path)
        if not (isinstance(found, Resource) or found is None):
            return bool(_stock_is_key_package(package, codebase))
        if found is not None and found.is_file:
            return True
    return False


REPLACEMENTS = (
    Replacement(
        "summarycode.summarizer",
        "is_key_package",
        "29c3a3ec1a072c9a",
        is_key_package,
        relies_on={
            "commoncode.resource:clean_path": "73c1c064033d913c",
            "commoncode.resource:Codebase.get_resource": "d5b874e06183a75b",
            "commoncode.resource:Codebase.remove_resource": "d0365a9e335bf2a5",
            "commoncode.resource:Codebase.save_resource": "8f89692142d6da2d",
            "commoncode.resource:Codebase.walk": "86d257c2bb7a663e",
        },
    ),
)
