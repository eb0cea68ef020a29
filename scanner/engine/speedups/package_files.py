"""Look up packages, and the files that they were found in, instead of going through all of them each time.

The summary asks of each package whether one of the files with its data is in the codebase, and stock compares the path
of every file of the codebase until it finds one. A file that says where its licence is makes stock list the files of
all packages, to look for those that the file belongs to. The results are the same because

- a walk yields the resources that ``resources_by_path`` holds, each under its own path; where that says no more than
  that a resource is on disk, stock walks;
- of the packages, stock looks at those of the file alone, and it is stock that is given these.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from commoncode.resource import Resource
from licensedcode import detection
from summarycode import summarizer

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.same_list import SameList, same

_stock_is_key_package = summarizer.is_key_package
_stock_find = detection.find_referenced_resource_from_package


def is_key_package(package: Any, codebase: Any) -> bool:
    """Tell whether one of the files that a package was found in is a file of the codebase."""
    for path in package.datafile_paths or ():
        found = codebase.resources_by_path.get(path)
        if not (isinstance(found, Resource) or found is None):
            return bool(_stock_is_key_package(package, codebase))
        if found is not None and found.is_file:
            return True
    return False


def find_referenced_resource_from_package(
    referenced_filename: str, resource: Any, codebase: Any, **kwargs: Any
) -> Any | None:
    """Return the file of that name beside a manifest of a package of the resource's, or None."""
    if resource and codebase.attributes.packages:
        codebase = _WithPackages(codebase, _packages_of(resource, codebase.attributes.packages))
    return _stock_find(referenced_filename, resource, codebase, **kwargs)


class _WithPackages:
    """A codebase with some of its packages only."""

    def __init__(self, codebase: Any, packages: list[dict[str, Any]]) -> None:
        self._codebase = codebase
        self.attributes = SimpleNamespace(packages=packages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codebase, name)


def _packages_of(resource: Any, packages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_uid = _by_uid(same(packages))
    return [package for uid in dict.fromkeys(resource.for_packages) for package in by_uid.get(uid, ())]


@lru_cache(1)
def _by_uid(packages: SameList) -> dict[Any, list[dict[str, Any]]]:
    by_uid: dict[Any, list[dict[str, Any]]] = {}
    for package in packages.items:
        by_uid.setdefault(package.get("package_uid"), []).append(package)
    return by_uid


REPLACEMENTS = (
    Replacement(
        "summarycode.summarizer",
        "is_key_package",
        "29c3a3ec1a072c9a",
        is_key_package,
        relies_on={
            "commoncode.resource:Codebase.get_resource": "d5b874e06183a75b",
            "commoncode.resource:Codebase.remove_resource": "d0365a9e335bf2a5",
            "commoncode.resource:Codebase.save_resource": "8f89692142d6da2d",
            "commoncode.resource:Codebase.walk": "86d257c2bb7a663e",
        },
    ),
    Replacement(
        "licensedcode.detection",
        "find_referenced_resource_from_package",
        "309790ed17b97cdf",
        find_referenced_resource_from_package,
        also_in=("packagedcode.licensing",),
    ),
)
