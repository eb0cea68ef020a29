"""Two texts side by side: which words of the one are not in the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from reports.values import Rule

#: Words that are compared at a time: it takes time that grows with the square of their number.
WINDOW = 1_000
HALF = WINDOW // 2

#: Words in a row that tell where two texts go together.
FIRM = 4

#: Texts of more words are shown without marks; the longest licences have some 10,000.
MOST_WORDS = 12_000

#: Characters of a match that are shown: minified code has lines of a million.
MOST_CHARACTERS = 40_000

#: Characters of one word in such a text: encoded data is one word without end.
MOST_OF_PIECE = 100

_PIECE = re.compile(r"\w+|\W+")

#: How ScanCode's rules set off the words that must not be missing.
_REQUIRED = re.compile(r"\{\{|\}\}")


@dataclass(frozen=True)
class Piece:
    """A stretch of text that is in the other one too, or is not."""

    text: str
    differs: bool


@dataclass(frozen=True)
class Comparison:
    """What a file says beside what a rule says."""

    found: tuple[Piece, ...]
    rule: tuple[Piece, ...]
    compared: bool  #: False where the texts are too long for it
    #: What else stands in the lines of the match, which begins and ends with a word of its rule.
    before: str = ""
    after: str = ""

    @property
    def same(self) -> bool:
        """Tell whether the words are the same; ScanCode sees neither case nor punctuation."""
        return self.compared and not any(piece.differs for piece in (*self.found, *self.rule))


def compare(passage: Sequence[str], rule: Rule) -> Comparison:
    """Set the lines of a match beside the text of its rule."""
    expected = _REQUIRED.sub("", rule.text)
    ours, theirs = _PIECE.findall("\n".join(passage)), _PIECE.findall(expected)
    their_words = _words(theirs)
    ours = _nearest(ours, {theirs[place].lower() for place in their_words}, len(their_words))
    our_words = _words(ours)
    if max(len(our_words), len(their_words)) > MOST_WORDS:
        found = "".join(ours)[:MOST_CHARACTERS]
        return Comparison((Piece(found, False),), (Piece(expected, False),), False)
    our_same: set[int] = set()
    their_same: set[int] = set()
    words = [ours[place].lower() for place in our_words], [theirs[place].lower() for place in their_words]
    for our, their, size in _common(*words):
        our_same.update(our_words[our : our + size])
        their_same.update(their_words[their : their + size])
    first, end = (min(our_same), max(our_same) + 1) if our_same else (0, len(ours))
    differing = {place - first for place in our_words if first <= place < end and place not in our_same}
    return Comparison(
        _marked(ours[first:end], differing),
        _marked(theirs, set(their_words) - their_same),
        True,
        before="".join(ours[:first]),
        after="".join(ours[end:]),
    )


def _common(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield (place in ours, place in theirs, length) of the stretches that both texts have, in their order."""
    our = their = known = 0
    while our < len(ours):
        if their >= len(theirs):
            our, their = our + WINDOW, known
            continue
        matcher = SequenceMatcher(None, ours[our : our + WINDOW], theirs[their : their + WINDOW])
        is_last = our + WINDOW >= len(ours) and their + WINDOW >= len(theirs)
        if not is_last and matcher.find_longest_match().size < FIRM:
            their += WINDOW
            continue
        end = 0, 0
        for block in matcher.get_matching_blocks()[:-1]:
            if not is_last and block.a >= HALF:
                # What a word near the window's end goes with may lie beyond it: the next window tells.
                end = block.a, block.b
                break
            yield our + block.a, their + block.b, block.size
            end = block.a + block.size, block.b + block.size
        if is_last:
            return
        our, their = (our + end[0], their + end[1]) if max(end) >= HALF else (our + HALF, their + HALF)
        known = their


def _nearest(pieces: list[str], wanted: set[str], count: int) -> list[str]:
    """Cut a text that is much longer than its rule, as minified code is, to the stretch with most of its words."""
    if sum(map(len, pieces)) <= MOST_CHARACTERS:
        return pieces
    width = 2 * (2 * count + 20)  # Every other piece is a word.
    hits = [piece.lower() in wanted for piece in pieces]
    inside = best = sum(hits[:width])
    first = last = 0
    for place in range(1, len(pieces) - width + 1):
        inside += hits[place + width - 1] - hits[place - 1]
        if inside > best:
            best, first, last = inside, place, place
        elif inside == best and place == last + 1:
            last = place
    start = (first + last) // 2
    stretch = [piece[:MOST_OF_PIECE] for piece in pieces[start : start + width]]
    return [*(["… "] if start else []), *stretch, *([" …"] if start + width < len(pieces) else [])]


def _words(pieces: Sequence[str]) -> list[int]:
    """Return the places of the words among the pieces."""
    return [place for place, piece in enumerate(pieces) if piece[0].isalnum() or piece[0] == "_"]


def _marked(pieces: Sequence[str], differing: set[int]) -> tuple[Piece, ...]:
    """Join the pieces to stretches; what lies between two words that differ belongs to them."""
    stretches: list[Piece] = []
    for place, text in enumerate(pieces):
        differs = place in differing or (place - 1 in differing and place + 1 in differing)
        if stretches and stretches[-1].differs == differs:
            stretches[-1] = Piece(stretches[-1].text + text, differs)
        else:
            stretches.append(Piece(text, differs))
    return tuple(stretches)
