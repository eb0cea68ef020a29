"""Match each distinct name in a path once against the patterns of what is ignored, and look at each folder once.

Stock tries seventy patterns on each part of each file's location, folders above the workspace included. The result is
the same because the first pattern that matches any part of a path is the first of those that match one of its parts,
be that the last or one of those before, and whether a pattern matches a part depends on the two alone.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from commoncode import fileset, fileutils, paths

from scanner.engine.speedups import Replacement

#: Names, and folders, that are remembered by the patterns that they were tried against, before starting anew.
REMEMBERED = 50_000

_stock_get_matches = fileset.get_matches


class Patterns:
    """Patterns for names, and for whole paths, each with its place."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._of_names: list[tuple[int, Any]] = []
        self._of_paths: list[tuple[int, Any]] = []
        self._none = len(patterns)
        for place, pattern in enumerate(patterns):
            if not pattern or not pattern.strip():
                continue
            pattern = pattern.lstrip("/").lower()
            matches = re.compile(fnmatch.translate(pattern)).match
            (self._of_paths if "/" in pattern else self._of_names).append((place, matches))
        self._by_name: dict[str, int] = {}
        self._by_folder: dict[str, int] = {}

    def first(self, path: str) -> int | None:
        """Return the place of the first pattern that matches a path in lower case."""
        stripped = path.lstrip("/0")
        if not stripped:
            return None
        folder, between, name = stripped.rpartition("/")
        if between and name and "//" not in stripped:
            first = min(self._first_for_folder(folder), self._first_for_name(name))
        else:
            first = min(map(self._first_for_name, paths.split(stripped)), default=self._none)
        for place, matches in self._of_paths:
            if place < first and (matches(path) or matches(stripped)):
                first = place
                break
        return first if first < self._none else None

    def _first_for_folder(self, folder: str) -> int:
        place = self._by_folder.get(folder)
        if place is None:
            place = min(map(self._first_for_name, paths.split(folder)))
            _remember(self._by_folder, folder, place)
        return place

    def _first_for_name(self, name: str) -> int:
        place = self._by_name.get(name)
        if place is None:
            place = next((place for place, matches in self._of_names if matches(name)), self._none)
            _remember(self._by_name, name, place)
        return place


def _remember(places: dict[str, int], text: str, place: int) -> None:
    if len(places) >= REMEMBERED:
        places.clear()
    places[text] = place


_patterns = lru_cache(16)(Patterns)


def get_matches(path: Any, patterns: Mapping[str, Any], all_matches: bool = False) -> Any:
    """Return the value of the first pattern that matches a path or a part of it, or False."""
    if not path or not patterns:
        return False
    if all_matches or patterns.__class__ is not dict or {*map(type, patterns)} != {str}:
        return _stock_get_matches(path, patterns, all_matches)
    keys = tuple(patterns)
    place = _patterns(keys).first(fileutils.as_posixpath(path).lower())
    return False if place is None else patterns[keys[place]] or ""


REPLACEMENTS = (
    Replacement(
        "commoncode.fileset",
        "get_matches",
        "011780b9a86a7079",
        get_matches,
        relies_on={"commoncode.paths:split": "5af9e8d3f171374f"},
    ),
)
