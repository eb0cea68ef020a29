"""Tell whether a regular expression matches the start of a word, in time in proportion to the word's length.

Python's matcher goes back and tries anew, which for some of ScanCode's word patterns takes time in the cube of the
length of a word, or doubles with each further year in "1999-2000-2001-…". An automaton that is in all of its states at
once (Ken Thompson, "Regular expression search algorithm", 1968) has no need to. It tells that there is a match, not
where it ends, which is all that labelling words asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any

#: Steps remembered per automaton, before starting anew; and steps that it takes when it is made.
STEPS_REMEMBERED, STEPS_EXPLORED = 20_000, 400
#: The most copies that a repetition with bounds is written out to.
MOST_COPIES = 50

#: Conditions on moving on without a character: none, the start and the end of the word.
_ALWAYS, _AT_START, _AT_END = range(3)


class NotKnown(Exception):
    """The expression has something in it that is not understood here."""


class _Known:
    """What is known of an automaton in certain states: whether it has matched, and where which characters lead."""

    __slots__ = ("after", "matches", "matches_at_end", "states")

    def __init__(self, states: frozenset[int], matches: bool, matches_at_end: bool) -> None:
        self.states = states
        self.matches = matches
        self.matches_at_end = matches_at_end
        self.after: dict[int | str, _Known] = {}


class Automaton:
    """An automaton for an expression. Raises NotKnown for one with assertions, references and the like."""

    def __init__(self, expression: re.Pattern[str]) -> None:
        self._moves: list[list[tuple[int, int]]] = []
        self._characters: list[tuple[Any, int] | None] = []
        tree = _parser.parse(expression.pattern, expression.flags)
        self._state = tree.state
        self._flags = tree.state.flags
        start = self._new()
        self._end = self._add_all(tree, start, self._flags)
        self._start = self._closure([start], at_start=True)
        self._kinds = self._kinds_of_ascii()
        self._forget()
        self._explore()

    def _forget(self) -> None:
        self._known: dict[frozenset[int], _Known] = {}
        self._steps = 0
        self._first = self._known_of(self._start)

    def _known_of(self, states: frozenset[int]) -> _Known:
        known = self._known.get(states)
        if known is None:
            at_end = self._end in self._closure(states, at_end=True)
            known = self._known[states] = _Known(states, self._end in states, at_end)
        return known

    def _kinds_of_ascii(self) -> dict[str, int]:
        """Return a number for each character, the same for those that lead from every state to the same ones."""
        tests = [move[0] for move in self._characters if move is not None]
        numbers: dict[tuple[int, ...], int] = {}
        kinds = {}
        for character in map(chr, range(128)):
            passed = tuple(place for place, test in enumerate(tests) if test(character))
            kinds[character] = numbers.setdefault(passed, len(numbers))
        return kinds

    def _explore(self) -> None:
        """Take some steps beforehand, on each kind of character: every child would have to take them."""
        characters = {kind: character for character, kind in self._kinds.items()}
        found = [self._first]
        for known in found:
            for character in characters.values():
                if self._steps >= STEPS_EXPLORED:
                    return
                following = self._step(known, character)
                if following not in found and following.states and not following.matches:
                    found.append(following)

    def matches(self, word: str) -> bool:
        """Tell whether the expression matches at the start of a word without line feed."""
        if not word:
            return self._end in self._closure(self._start, at_start=True, at_end=True)
        known, kinds = self._first, self._kinds
        for character in word:
            if known.matches:
                return True
            following = known.after.get(kinds.get(character, character))
            if following is None:
                following = self._step(known, character)
            known = following
            if not known.states:
                return False
        return known.matches_at_end

    def _step(self, known: _Known, character: str) -> _Known:
        if self._steps >= STEPS_REMEMBERED:
            self._forget()
        self._steps += 1
        moves = [self._characters[state] for state in known.states]
        following = self._closure([move[1] for move in moves if move is not None and move[0](character)])
        reached = known.after[self._kinds.get(character, character)] = self._known_of(following)
        return reached

    def _closure(self, states: Iterable[int], at_start: bool = False, at_end: bool = False) -> frozenset[int]:
        """Return the states that are reached from some without a further character."""
        holds = {_ALWAYS: True, _AT_START: at_start, _AT_END: at_end}
        found = set(states)
        waiting = list(found)
        while waiting:
            for condition, target in self._moves[waiting.pop()]:
                if holds[condition] and target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)

    def _new(self) -> int:
        self._moves.append([])
        self._characters.append(None)
        return len(self._moves) - 1

    def _add_all(self, items: Iterable[tuple[Any, Any]], start: int, flags: int) -> int:
        """Add a sequence after a state and return the state after it."""
        for operation, value in items:
            start = self._add(operation, value, start, flags)
        return start

    def _add(self, operation: Any, value: Any, start: int, flags: int) -> int:
        if operation in (_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN, _constants.ANY):
            end = self._new()
            one = _compiler.compile(_parser.SubPattern(self._state, [(operation, value)]), flags)
            self._characters[start] = one.match, end
            return end
        if operation is _constants.AT and value in (_constants.AT_BEGINNING, _constants.AT_END):
            end = self._new()
            self._moves[start].append((_AT_END if value is _constants.AT_END else _AT_START, end))
            return end
        if operation is _constants.SUBPATTERN:
            _group, added, removed, inner = value
            return self._add_all(inner, start, (flags | added) & ~removed)
        if operation is _constants.BRANCH:
            end = self._new()
            for branch in value[1]:
                first = self._new()
                self._moves[start].append((_ALWAYS, first))
                self._moves[self._add_all(branch, first, flags)].append((_ALWAYS, end))
            return end
        if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            least, most, items = value
            return self._repeat(least, most, items, start, flags)
        raise NotKnown(operation)

    def _repeat(self, least: int, most: Any, items: Any, start: int, flags: int) -> int:
        unbounded = most is _constants.MAXREPEAT
        if least > MOST_COPIES or not (unbounded or most <= MOST_COPIES):
            raise NotKnown((least, most))
        for _ in range(least):
            start = self._add_all(items, start, flags)
        end = self._new()
        self._moves[start].append((_ALWAYS, end))
        if unbounded:
            first = self._new()
            self._moves[start].append((_ALWAYS, first))
            last = self._add_all(items, first, flags)
            self._moves[last] += [(_ALWAYS, first), (_ALWAYS, end)]
            return end
        for _ in range(most - least):
            start = self._add_all(items, self._after(start), flags)
            self._moves[start].append((_ALWAYS, end))
        return end

    def _after(self, state: int) -> int:
        """Return a new state that is reached from another without condition: no state moves on two characters."""
        new = self._new()
        self._moves[state].append((_ALWAYS, new))
        return new


def slow_from(expression: re.Pattern[str]) -> int | None:
    """Return the length of words from which Python may need more than some milliseconds, or None if it never does."""
    tree = _parser.parse(expression.pattern, expression.flags)
    count, is_nested = _repetitions(tree)
    if is_nested:
        return 20
    return {0: None, 1: None, 2: 1000, 3: 100}.get(count, 40)


def _repetitions(items: Iterable[tuple[Any, Any]]) -> tuple[int, bool]:
    """Return how many unbounded repetitions there are, and whether one is within another."""
    count, is_nested = 0, False
    for operation, value in items:
        inner: list[Any] = []
        if operation is _constants.SUBPATTERN:
            inner = [value[3]]
        elif operation is _constants.BRANCH:
            inner = value[1]
        elif operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            inner = [value[2]]
        found = [_repetitions(part) for part in inner]
        inside = sum(each for each, _ in found)
        is_nested = is_nested or any(nested for _, nested in found)
        count += inside
        if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT) and value[1] is _constants.MAXREPEAT:
            count += 1
            is_nested = is_nested or inside > 0
    return count, is_nested
