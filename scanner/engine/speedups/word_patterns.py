"""What a word must be like to match one of ScanCode's word patterns, read from Python's own parse of the pattern.

Whatever is not understood counts as matching anything. Sets of characters are of ASCII, with `OTHER` for all the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

#: The most words that one pattern may stand for and still be written out.
MOST_FIXED_WORDS = 64
#: The most sets of characters that are said to be required, and the most characters in one that is worth looking for.
MOST_REQUIRED, MOST_CHARACTERS = 2, 40


#: All questions about one pattern come one after the other.
_parsed = lru_cache(maxsize=1)(_parser.parse)


def fixed_words(pattern: str) -> list[str] | None:
    """Return all words that ``^pattern$`` stands for, if it is anchored at both ends and they are few."""
    tree = _parsed(pattern)
    items = list(tree)
    if len(items) < 2 or tree.state.flags & re.IGNORECASE:
        return None
    if items[0] != (_constants.AT, _constants.AT_BEGINNING) or items[-1] != (_constants.AT, _constants.AT_END):
        return None
    return _words(items[1:-1])


def _words(items: Iterable[tuple[Any, Any]]) -> list[str] | None:
    words = [""]
    for item in items:
        choices = _choices(*item)
        if choices is None or len(words) * len(choices) > MOST_FIXED_WORDS:
            return None
        words = [head + tail for head, tail in product(words, choices)]
    return words


def _choices(operation: Any, value: Any) -> list[str] | None:
    """Return the strings that one item of a parsed pattern stands for, or None if they are many or not known."""
    if operation is _constants.LITERAL:
        return [chr(value)]
    if operation is _constants.IN:
        return _characters(value)
    if operation is _constants.SUBPATTERN:
        _group, added, removed, inner = value
        return None if added or removed else _words(inner)
    if operation is _constants.BRANCH:
        branches = [_words(branch) for branch in value[1]]
        return None if None in branches else [word for branch in branches for word in branch or ()]
    if operation is _constants.MAX_REPEAT and value[:2] == (0, 1):
        inner = _words(value[2])
        return None if inner is None else ["", *inner]
    return None


def _characters(members: Iterable[tuple[Any, Any]]) -> list[str] | None:
    characters = []
    for operation, value in members:
        if operation is _constants.LITERAL:
            characters.append(chr(value))
        elif operation is _constants.RANGE and value[1] - value[0] < MOST_FIXED_WORDS:
            characters.extend(map(chr, range(value[0], value[1] + 1)))
        else:
            return None
    return characters


ASCII = frozenset(map(chr, range(128)))
#: Stands for all characters beyond ASCII in a set of first characters.
OTHER = "\x80"
ANYTHING = ASCII | {OTHER}
_CATEGORIES = {
    _constants.CATEGORY_DIGIT: re.compile(r"\d").match,
    _constants.CATEGORY_WORD: re.compile(r"\w").match,
    _constants.CATEGORY_SPACE: re.compile(r"\s").match,
}


def first_characters(pattern: str) -> frozenset[str]:
    """Return the ASCII characters that a match of ``pattern`` can begin with, and ``OTHER`` if others can."""
    tree = _parsed(pattern)
    if tree.state.flags & re.IGNORECASE:
        return ANYTHING
    first, may_be_empty = _first_of(tree)
    return ANYTHING if may_be_empty else first


def last_characters(pattern: str) -> frozenset[str]:
    """Return the ASCII characters that a word can end with if it matches ``pattern``, and ``OTHER`` if others can."""
    tree = _parsed(pattern)
    items = list(tree)
    if tree.state.flags & re.IGNORECASE or not items or items[-1] != (_constants.AT, _constants.AT_END):
        return ANYTHING
    last, may_be_empty = _first_of(items[:-1], backwards=True)
    return ANYTHING if may_be_empty else last


def _first_of(items: Iterable[tuple[Any, Any]], backwards: bool = False) -> tuple[frozenset[str], bool]:
    """Return the first or last characters of a sequence, and whether it can match without any character."""
    found: frozenset[str] = frozenset()
    items = list(items)
    for operation, value in reversed(items) if backwards else items:
        more, may_be_empty = _first_of_item(operation, value, backwards)
        found |= more
        if not may_be_empty:
            return found, False
    return found, True


def _first_of_item(operation: Any, value: Any, backwards: bool) -> tuple[frozenset[str], bool]:
    if operation is _constants.LITERAL:
        return _first_of_members([(operation, value)]), False
    if operation is _constants.IN:
        return _first_of_members(value), False
    if operation is _constants.AT and value is _constants.AT_BEGINNING:
        return frozenset(), True
    if operation is _constants.SUBPATTERN:
        _group, added, removed, inner = value
        if removed or added & ~re.IGNORECASE:
            return ANYTHING, True
        found, may_be_empty = _first_of(inner, backwards)
        return _in_any_case(found) if added else found, may_be_empty
    if operation is _constants.BRANCH:
        branches = [_first_of(branch, backwards) for branch in value[1]]
        return frozenset().union(*(first for first, _ in branches)), any(empty for _, empty in branches)
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
        found, may_be_empty = _first_of(value[2], backwards)
        return found, may_be_empty or value[0] == 0
    return ANYTHING, True


def _in_any_case(characters: frozenset[str]) -> frozenset[str]:
    """Return the characters in both cases; some beyond ASCII count as ASCII letters when case is ignored."""
    return frozenset().union(*({each.lower(), each.upper()} for each in characters)) | {OTHER}


def _first_of_members(members: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    found: set[str] = set()
    for operation, value in members:
        if operation is _constants.LITERAL:
            found.add(chr(value) if value < 128 else OTHER)
        elif operation is _constants.RANGE:
            found.update(map(chr, range(value[0], min(value[1], 127) + 1)))
            found.update(OTHER if value[1] > 127 else ())
        elif operation is _constants.CATEGORY and value in _CATEGORIES:
            found.update(filter(_CATEGORIES[value], ASCII))
            found.add(OTHER)
        else:
            return ANYTHING
    return frozenset(found)


def lengths(pattern: str) -> tuple[int, int]:
    """Return the least and the most characters that a word has if it matches ``pattern``."""
    tree = _parsed(pattern)
    least, most = tree.getwidth()
    ends = list(tree)[-1:] == [(_constants.AT, _constants.AT_END)]
    return least, most if ends else _constants.MAXREPEAT


def required_characters(pattern: str) -> list[frozenset[str]]:
    """Return sets of characters of each of which a match has one: the smallest that are known, if they say much."""
    tree = _parsed(pattern)
    if tree.state.flags & re.IGNORECASE:
        return []
    found = sorted(set(_required_of(tree)), key=lambda characters: (len(characters), sorted(characters)))
    return [characters for characters in found if len(characters) <= MOST_CHARACTERS][:MOST_REQUIRED]


def _required_of(items: Iterable[tuple[Any, Any]]) -> list[frozenset[str]]:
    return [characters for operation, value in items for characters in _required_of_item(operation, value)]


def _required_of_item(operation: Any, value: Any) -> list[frozenset[str]]:
    if operation is _constants.LITERAL:
        return [_first_of_members([(operation, value)])]
    if operation is _constants.IN:
        return [_first_of_members(value)]
    if operation is _constants.SUBPATTERN:
        _group, added, removed, inner = value
        return [] if added or removed else _required_of(inner)
    if operation is _constants.BRANCH:
        branches = [_required_of(branch) for branch in value[1]]
        return [frozenset().union(*(min(sets, key=len) for sets in branches))] if all(branches) else []
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT) and value[0] > 0:
        return _required_of(value[2])
    return []
