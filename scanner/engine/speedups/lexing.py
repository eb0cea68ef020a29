"""Label each distinct word once, and try only the word patterns that could match it.

Stock ``Lexer.lex_tokens`` calls about 1,100 regular expressions per word, in order, until one matches. The result is
the same here because

- the label depends on nothing but the word and the list of matchers, so it can be remembered;
- a pattern that stands for a few fixed words ("[Rr]ights?") is looked up in a table of those words, with its place in
  the list: matching it means being one of them, unless the word ends in a line feed, which ``$`` would overlook: such
  words go through the stock list;
- another pattern is tried unless the length of the word, or its first or last character, cannot be that of a match, or
  the word lacks a character that each match has (see ``word_patterns``), in stock's order, and only if it stands before
  the fixed word that was found. What Python may be slow to match against long words is matched by an automaton (see
  ``automata``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from pygmars.lex import Lexer

from scanner.engine.speedups import Replacement, automata
from scanner.engine.speedups.word_patterns import (
    ANYTHING,
    ASCII,
    OTHER,
    first_characters,
    fixed_words,
    last_characters,
    lengths,
    required_characters,
)

#: Words remembered per lexer before it starts anew, and the longest word worth remembering, in characters: together
#: they keep the memory under some 30 MB.
WORDS_REMEMBERED = 200_000
LONGEST_REMEMBERED = 60
_UNMATCHED = object()
_stock_lex_tokens = Lexer.lex_tokens


Matcher = Callable[[str], Any]
#: The place of a matcher in the list, the matcher and its label; of a word that matches, the least and the most
#: characters, and two sets of which it has some.
Entry = tuple[int, Matcher, Any, int, int, int, int]
#: Sets of characters are bits of a number where they are compared for each word and matcher.
_BITS = {character: 1 << place for place, character in enumerate(sorted(ANYTHING))}
_ALL = (1 << len(_BITS)) - 1


class _Other(NamedTuple):
    """A matcher that does not stand for a few fixed words, and what is known of the words that match."""

    place: int
    matcher: Matcher
    label: Any
    firsts: frozenset[str] = ANYTHING
    lasts: frozenset[str] = ANYTHING
    required: Sequence[frozenset[str]] = ()
    lengths: tuple[int, int] = (0, sys.maxsize)

    def entry(self) -> Entry:
        one, other = [*map(_bits, self.required), _ALL, _ALL][:2]
        return self.place, self.matcher, self.label, *self.lengths, one, other


def _bits(characters: Iterable[str]) -> int:
    bits = 0
    for character in characters:
        bits |= _BITS[character if character in _BITS else OTHER]
    return bits


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
    entries = [other.entry() for other in others]
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
    for character in sorted(ANYTHING):
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
            self._others.append(_Other(place, matcher, label))
            return
        words = fixed_words(expression.pattern)
        if words is not None:
            for word in words:
                self._fixed.setdefault(word, (place, label))
            return
        pattern = expression.pattern
        needs = first_characters(pattern), last_characters(pattern), required_characters(pattern), lengths(pattern)
        self._others.append(_Other(place, _in_time(expression), label, *needs))

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
        present, length = _bits(set(word)), len(word)
        for place, matcher, label, least, most, one, other in self._for_ends(word[0], word[-1]):
            if place > last:
                break
            if least <= length <= most and present & one and present & other and matcher(word):
                return label
        return found

    def _for_ends(self, first: str, last: str) -> list[Entry]:
        """Return the matchers for words with these two characters at their ends."""
        firsts = self._firsts[first if first in ASCII else OTHER]
        return self._by_ends[firsts, self._lasts[last if last in ASCII else OTHER]]


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
