"""Label each distinct word once, and try only the word patterns that could match it.

Stock ``Lexer.lex_tokens`` calls about 1,100 regular expressions per word, in order, until one matches. The result is
the same here because

- the label depends on nothing but the word and the list of matchers, so it can be remembered;
- a pattern that stands for a few fixed words ("[Rr]ights?") is looked up in a table of those words, with its place in
  the list: matching it means being one of them, unless the word ends in a line feed, which ``$`` would overlook: such
  words go through the stock list;
- another pattern is tried unless the first or last character of the word cannot be that of a match, in stock's order,
  and only if it stands before the fixed word that was found. What Python may be slow to match against long words is
  matched by an automaton (see ``automata``).

What a pattern can match is read from ``re``'s own parse of it. Whatever is not understood counts as matching anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from pygmars.lex import Lexer

from scanner.engine.speedups import Replacement, automata

#: Words remembered per lexer before it starts anew, and the longest word worth remembering, in characters: together
#: they keep the memory under some 30 MB.
WORDS_REMEMBERED = 200_000
LONGEST_REMEMBERED = 60
#: The most words that one pattern may stand for and still be looked up in a table.
MOST_FIXED_WORDS = 64

_UNMATCHED = object()
_stock_lex_tokens = Lexer.lex_tokens


def fixed_words(pattern: str) -> list[str] | None:
    """Return all words that ``^pattern$`` stands for, if it is anchored at both ends and they are few."""
    tree = _parser.parse(pattern)
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


_ASCII = frozenset(map(chr, range(128)))
#: Stands for all characters beyond ASCII in a set of first characters.
_OTHER = "\x80"
_ANYTHING = _ASCII | {_OTHER}
_CATEGORIES = {
    _constants.CATEGORY_DIGIT: re.compile(r"\d").match,
    _constants.CATEGORY_WORD: re.compile(r"\w").match,
    _constants.CATEGORY_SPACE: re.compile(r"\s").match,
}


def first_characters(pattern: str) -> frozenset[str]:
    """Return the ASCII characters that a match of ``pattern`` can begin with, and ``_OTHER`` if others can."""
    tree = _parser.parse(pattern)
    if tree.state.flags & re.IGNORECASE:
        return _ANYTHING
    first, may_be_empty = _first_of(tree)
    return _ANYTHING if may_be_empty else first


def last_characters(pattern: str) -> frozenset[str]:
    """Return the ASCII characters that a word can end with if it matches ``pattern``, and ``_OTHER`` if others can."""
    tree = _parser.parse(pattern)
    items = list(tree)
    if tree.state.flags & re.IGNORECASE or not items or items[-1] != (_constants.AT, _constants.AT_END):
        return _ANYTHING
    last, may_be_empty = _first_of(items[:-1], backwards=True)
    return _ANYTHING if may_be_empty else last


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
            return _ANYTHING, True
        found, may_be_empty = _first_of(inner, backwards)
        return _in_any_case(found) if added else found, may_be_empty
    if operation is _constants.BRANCH:
        branches = [_first_of(branch, backwards) for branch in value[1]]
        return frozenset().union(*(first for first, _ in branches)), any(empty for _, empty in branches)
    if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
        found, may_be_empty = _first_of(value[2], backwards)
        return found, may_be_empty or value[0] == 0
    return _ANYTHING, True


def _in_any_case(characters: frozenset[str]) -> frozenset[str]:
    """Return the characters in both cases; some beyond ASCII count as ASCII letters when case is ignored."""
    return frozenset().union(*({each.lower(), each.upper()} for each in characters)) | {_OTHER}


def _first_of_members(members: Iterable[tuple[Any, Any]]) -> frozenset[str]:
    found: set[str] = set()
    for operation, value in members:
        if operation is _constants.LITERAL:
            found.add(chr(value) if value < 128 else _OTHER)
        elif operation is _constants.RANGE:
            found.update(map(chr, range(value[0], min(value[1], 127) + 1)))
            found.update(_OTHER if value[1] > 127 else ())
        elif operation is _constants.CATEGORY and value in _CATEGORIES:
            found.update(filter(_CATEGORIES[value], _ASCII))
            found.add(_OTHER)
        else:
            return _ANYTHING
    return frozenset(found)


Matcher = Callable[[str], Any]
#: The place of a matcher in the list, the matcher and its label.
Entry = tuple[int, Matcher, Any]


class _Other(NamedTuple):
    """A matcher that does not stand for a few fixed words, and what a word can begin and end with to match."""

    entry: Entry
    firsts: frozenset[str]
    lasts: frozenset[str]


def _by_ends(
    others: Sequence[_Other],
) -> tuple[dict[str, int], dict[str, int], dict[tuple[int, int], list[Entry]]]:
    """Return the kind of each first character, that of each last one, and the matchers of each pair of kinds.

    Characters are of a kind if the same matchers take them, so there are few. All pairs are made beforehand: every
    child would have to go through the matchers for each pair that it meets.
    """
    firsts, by_first = _kinds([other.firsts for other in others])
    lasts, by_last = _kinds([other.lasts for other in others])
    # Made one after the other, so that they lie together.
    entries = [(place, matcher, label) for (place, matcher, label), _, _ in others]
    lists: dict[frozenset[int], list[Entry]] = {}
    pairs = {}
    for first, last in product(range(len(by_first)), range(len(by_last))):
        places = by_first[first] & by_last[last]
        if places not in lists:
            lists[places] = [entries[place] for place in sorted(places)]
        pairs[first, last] = lists[places]
    return firsts, lasts, pairs


def _kinds(sets: Sequence[frozenset[str]]) -> tuple[dict[str, int], list[frozenset[int]]]:
    """Return which kind each character is of, and for each kind the places of the sets that have its characters."""
    kinds: dict[frozenset[int], int] = {}
    of_character = {}
    for character in sorted(_ANYTHING):
        places = frozenset(place for place, members in enumerate(sets) if character in members)
        of_character[character] = kinds.setdefault(places, len(kinds))
    return of_character, list(kinds)


def _in_time(expression: re.Pattern[str]) -> Matcher:
    """Return a matcher for an expression that does not take long on long words either."""
    slow_from = automata.slow_from(expression)
    if slow_from is None:
        return expression.match
    match, length = expression.match, slow_from
    try:
        automaton = automata.Automaton(expression)
    except automata.NotKnown:
        return match
    return lambda word: match(word) if len(word) < length else automaton.matches(word)


class Labeller:
    """The matchers of one lexer, sorted by what they can match, and the labels of the words seen."""

    def __init__(self, matchers: Iterable[tuple[Matcher, str]]) -> None:
        self._fixed: dict[str, tuple[int, Any]] = {}
        self._others: list[_Other] = []
        self._matchers = list(matchers)
        self._labels: dict[str, Any] = {}
        for place, (matcher, label) in enumerate(self._matchers):
            self._sort_in(place, matcher, label)
        self._firsts, self._lasts, self._by_ends = _by_ends(self._others)
        # All matchers are tried for these, and a text has such words.
        for word in ("", "\n"):
            self.label(word)

    def _sort_in(self, place: int, matcher: Matcher, label: Any) -> None:
        expression = getattr(matcher, "__self__", None)
        if not isinstance(expression, re.Pattern) or expression.match != matcher or expression.flags & ~re.UNICODE:
            self._others.append(_Other((place, matcher, label), _ANYTHING, _ANYTHING))
            return
        words = fixed_words(expression.pattern)
        if words is not None:
            for word in words:
                self._fixed.setdefault(word, (place, label))
            return
        first, last = first_characters(expression.pattern), last_characters(expression.pattern)
        self._others.append(_Other((place, _in_time(expression), label), first, last))

    def label(self, word: str) -> Any:
        """Return the label that the first matching matcher gives to ``word``, or ``_UNMATCHED``."""
        try:
            return self._labels[word]
        except KeyError:
            found = self._find(word)
        if len(word) <= LONGEST_REMEMBERED:
            if len(self._labels) >= WORDS_REMEMBERED:
                self._labels.clear()
            self._labels[word] = found
        return found

    def _find(self, word: str) -> Any:
        if not word or "\n" in word:
            return next((label for matcher, label in self._matchers if matcher(word)), _UNMATCHED)
        last, found = self._fixed.get(word, (len(self._matchers), _UNMATCHED))
        for place, matcher, label in self._for_ends(word[0], word[-1]):
            if place > last:
                break
            if matcher(word):
                return label
        return found

    def _for_ends(self, first: str, last: str) -> list[Entry]:
        """Return the matchers for words with these two characters at their ends."""
        firsts = self._firsts[first if first in _ASCII else _OTHER]
        return self._by_ends[firsts, self._lasts[last if last in _ASCII else _OTHER]]


_labellers: WeakKeyDictionary[Lexer, Labeller] = WeakKeyDictionary()
#: By the expressions and labels: ScanCode makes a lexer of the same matchers for each package with a copyright.
_labellers_by_matchers: dict[tuple[tuple[Any, ...], ...], Labeller] = {}


def _labeller(matchers: Iterable[tuple[Matcher, str]]) -> Labeller:
    """Return the labeller for these matchers, made once; equal expressions are equal objects."""
    key = tuple(
        (getattr(matcher, "__self__", None), getattr(matcher, "__name__", None), label) for matcher, label in matchers
    )
    if not all(isinstance(expression, re.Pattern) for expression, *_ in key):
        return Labeller(matchers)
    if key not in _labellers_by_matchers:
        _labellers_by_matchers[key] = Labeller(matchers)
    return _labellers_by_matchers[key]


def lex_tokens(self: Lexer, tokens: Iterable[Any], trace: bool = False) -> Iterator[Any]:
    """Yield the tokens, each with the label that the first matching pattern gives to its value."""
    if trace:
        yield from _stock_lex_tokens(self, tokens, trace=trace)
        return
    labeller = _labellers.get(self)
    if labeller is None:
        labeller = _labellers[self] = _labeller(self._matchers)
    label_of = labeller.label
    for token in tokens:
        label = label_of(token.value)
        if label is not _UNMATCHED:
            token.label = label
        yield token


REPLACEMENTS = (Replacement("pygmars.lex", "Lexer.lex_tokens", "104faad36b50adf5", lex_tokens),)
