"""Look at the names in a folder once to find the licence files in it.

A file that says that it has the licence of its package, or package data without a licence, makes stock ask each file
beside it, and each time anew, whether its name is that of a licence or a README: 2,000 such files in a folder take four
million questions. The result is the same because the answer depends on a file's name alone, with and without extension,
and that of a folder on less. Stock itself is given those few of which the names have been found to be so, in the order
in which it would come by them among all the others.
"""

from __future__ import annotations

from functools import lru_cache
from posixpath import join
from typing import Any

from commoncode.fileutils import splitext_name
from packagedcode import licensing
from summarycode.classify import LEGAL_STARTS_ENDS, README_STARTS_ENDS

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.resources import child_order
from scanner.engine.speedups.same_list import SameList, same

#: How many folders' names are remembered. Stock asks about the folder that it walks through, and about the root.
FOLDERS_REMEMBERED = 16

_STARTS_ENDS = (*LEGAL_STARTS_ENDS, *README_STARTS_ENDS)

_stock = licensing.get_license_detections_from_sibling_file


def get_license_detections_from_sibling_file(resource: Any, codebase: Any) -> tuple[list[Any], str | None]:
    """Return the licence detections of the licence files beside a file, or in the root, and their expression."""
    return _stock(_AmongLegal(resource), codebase)


class _AmongLegal:
    """A resource that has no others beside it, and in it, than those with names like those of licence files."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource
        self.has_parent = resource.has_parent
        self.has_children = resource.has_children

    def siblings(self, codebase: Any) -> list[Any]:
        return _legal_in(self._resource.parent(codebase), codebase)

    def children(self, codebase: Any) -> list[Any]:
        return _legal_in(self._resource, codebase)


def _legal_in(folder: Any, codebase: Any) -> list[Any]:
    names = folder.children_names
    if not names:
        return []
    legal = _like_legal(same(names))
    found = [codebase.get_resource(path=join(folder.path, name)) for name in legal]
    return sorted((child for child in found if child), key=child_order)


@lru_cache(FOLDERS_REMEMBERED)
def _like_legal(names: SameList) -> list[str]:
    return [name for name in names.items if _is_like_legal(name)]


def _is_like_legal(name: str) -> bool:
    name, base_name = name.lower(), splitext_name(name)[0].lower()
    return name.startswith(_STARTS_ENDS) or name.endswith(_STARTS_ENDS) or base_name.endswith(_STARTS_ENDS)


REPLACEMENTS = (
    Replacement(
        "packagedcode.licensing",
        "get_license_detections_from_sibling_file",
        "6979d689c6a21c77",
        get_license_detections_from_sibling_file,
        relies_on={
            "packagedcode.licensing:is_legal_or_readme": "b780e67fa3924f03",
            "summarycode.classify:check_resource_name_start_and_end": "4e08093b369765e6",
            "commoncode.fileutils:splitext_name": "1335b1ff79658187",
            "commoncode.resource:Resource.base_name": "e2c2d36709ba0f4c",
            "commoncode.resource:Resource.siblings": "c2d7199a3576a60a",
            "commoncode.resource:Resource.children": "eca4f36d22417884",
        },
    ),
)
