"""Find the Pygments lexer of a file name in a table, and ask for lexer plugins once.

Stock tries the thousand file name patterns of all lexers on each name, and then has importlib.metadata read the entry
points of every installed package, for each file anew. The result is the same because

- the packages that are installed do not change while a process runs;
- a pattern "*.ext" without other wildcards matches the names that end in ".ext" and no others, and a pattern without
  any wildcard one name, so both can be looked up; all other patterns are tried, and the matches are brought into the
  order of the lexers and their patterns before stock's way of choosing among them.

Only the name of a file is looked at (no ``code`` is given), so the lexer that a name leads to is remembered. ScanCode
asks a lexer for nothing but its name, which its class has already: to make a lexer, Pygments compiles its expressions.
"""

from __future__ import annotations

import fnmatch
import importlib.metadata
import os
import re
from functools import cache, lru_cache
from typing import Any

from typecode import contenttype, pygments_lexers
from typecode._vendor.pygments import plugin

from scanner.engine.speedups import Replacement

NAMES_REMEMBERED = 10_000

_stock_get_lexer_for_filename = contenttype.get_lexer_for_filename
_has_wildcard = re.compile(r"[*?\[]").search


@cache
def iter_entry_points(group_name: str) -> tuple[Any, ...]:
    """Return the entry points of a group, asked for once."""
    return tuple(importlib.metadata.entry_points(group=group_name))


class PatternTable:
    """The file name patterns of all lexers, by what they can match."""

    def __init__(self) -> None:
        self._by_ending: dict[str, list[tuple[int, str]]] = {}
        self._by_name: dict[str, list[tuple[int, str]]] = {}
        self._others: list[tuple[int, str, Any]] = []
        self._lexers: list[tuple[str, str]] = []
        for module, lexer, _aliases, patterns, _mimetypes in pygments_lexers.LEXERS.values():
            for pattern in patterns:
                self._add(pattern, len(self._lexers))
                self._lexers.append((module, lexer))

    def _add(self, pattern: str, place: int) -> None:
        if not _has_wildcard(pattern):
            self._by_name.setdefault(pattern, []).append((place, pattern))
        elif pattern.startswith("*.") and not _has_wildcard(pattern[1:]):
            self._by_ending.setdefault(pattern[1:], []).append((place, pattern))
        else:
            self._others.append((place, pattern, re.compile(fnmatch.translate(pattern)).match))

    def matches(self, name: str) -> list[tuple[Any, str]]:
        """Return (lexer class, pattern) of all patterns that match a name, in the order of the lexers."""
        found = list(self._by_name.get(name, ()))
        dot = name.find(".")
        while dot >= 0:
            found += self._by_ending.get(name[dot:], ())
            dot = name.find(".", dot + 1)
        found += [(place, pattern) for place, pattern, matches in self._others if matches(name)]
        return [(_lexer_class(*self._lexers[place]), pattern) for place, pattern in sorted(found)]


def _lexer_class(module: str, lexer: str) -> Any:
    if lexer not in pygments_lexers._lexer_cache:
        pygments_lexers._load_lexers(module)
    return pygments_lexers._lexer_cache[lexer]


_patterns = cache(PatternTable)


@lru_cache(NAMES_REMEMBERED)
def find_lexer_class(name: str) -> Any:
    """Return the lexer class for a file name without folder, or None."""
    matches = _patterns().matches(name)
    for lexer in plugin.find_plugin_lexers():
        matches += [
            (lexer, pattern) for pattern in lexer.filenames if re.compile(fnmatch.translate(pattern)).match(name)
        ]

    def rating(match: tuple[Any, str]) -> tuple[float, str]:
        lexer, pattern = match
        return lexer.priority + (0.5 if "*" not in pattern else 0), lexer.__name__

    # Of equals the last one is taken, as by sorting.
    return sorted(matches, key=rating)[-1][0] if matches else None


def get_lexer_for_filename(_fn: str, code: Any = None, **options: Any) -> Any:
    """Return what has the name of the lexer for a file name. Raise ClassNotFound if there is none."""
    if code or options:
        return _stock_get_lexer_for_filename(_fn, code, **options)
    lexer = find_lexer_class(os.path.basename(_fn))  # noqa: PTH119 - as in stock, for any text
    if lexer is None:
        raise contenttype.LexerClassNotFound(f"no lexer for filename {_fn!r} found")
    return lexer


REPLACEMENTS = (
    Replacement("typecode._vendor.pygments.plugin", "iter_entry_points", "55b7c23b8f0ad4c1", iter_entry_points),
    Replacement(
        "typecode.contenttype",
        "get_lexer_for_filename",
        "e2202cf5776de5de",
        get_lexer_for_filename,
        relies_on={
            "typecode.contenttype:Type.filetype_pygment": "60afd65c97615123",
            "typecode.contenttype:get_pygments_lexer": "405f39bd28cec240",
            "typecode.pygments_lexers:find_lexer_class_for_filename": "5ba248170821dc81",
            "typecode.pygments_lexers:_fn_matches": "b62eabd71590bbdf",
            "typecode.pygments_lexers:_load_lexers": "63af887bfb12545d",
            "typecode._vendor.pygments.plugin:find_plugin_lexers": "777e92ef5e6d7179",
        },
    ),
)
