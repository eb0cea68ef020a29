"""Two texts side by side: which words of the one are not in the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from reports.values import Match, Rule

#: Texts of more words are shown without marks: comparing takes time that grows with the square of their length.
MOST_WORDS = 2_000

#: Lines of a match that are shown.
MOST_LINES = 400

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

    @property
    def same(self) -> bool:
        """Tell whether the words are the same; ScanCode sees neither case nor punctuation."""
        return self.compared and not any(piece.differs for piece in (*self.found, *self.rule))


def compare(lines: Sequence[str], match: Match, rule: Rule) -> Comparison:
    """Set the lines of a match beside the text of its rule."""
    start = max(match.start_line - 1, 0)
    found = "\n".join(lines[start : min(match.end_line, start + MOST_LINES)])
    expected = _REQUIRED.sub("", rule.text)
    ours, theirs = _PIECE.findall(found), _PIECE.findall(expected)
    our_words, their_words = _words(ours), _words(theirs)
    if max(len(our_words), len(their_words)) > MOST_WORDS:
        return Comparison((Piece(found, False),), (Piece(expected, False),), False)
    matcher = SequenceMatcher(
        None, [ours[place].lower() for place in our_words], [theirs[place].lower() for place in their_words]
    )
    our_same: set[int] = set()
    their_same: set[int] = set()
    for block in matcher.get_matching_blocks():
        our_same.update(our_words[block.a : block.a + block.size])
        their_same.update(their_words[block.b : block.b + block.size])
    return Comparison(_marked(ours, our_words, our_same), _marked(theirs, their_words, their_same), True)


def _words(pieces: Sequence[str]) -> list[int]:
    """Return the places of the words among the pieces."""
    return [place for place, piece in enumerate(pieces) if piece[0].isalnum() or piece[0] == "_"]


def _marked(pieces: Sequence[str], words: Sequence[int], same: set[int]) -> tuple[Piece, ...]:
    """Join the pieces to stretches; what lies between two words that differ belongs to them."""
    differing = set(words) - same
    stretches: list[Piece] = []
    for place, text in enumerate(pieces):
        differs = place in differing or (place - 1 in differing and place + 1 in differing)
        if stretches and stretches[-1].differs == differs:
            stretches[-1] = Piece(stretches[-1].text + text, differs)
        else:
            stretches.append(Piece(text, differs))
    return tuple(stretches)
