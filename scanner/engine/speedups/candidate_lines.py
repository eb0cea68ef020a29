"""Find the lines that may hold a copyright statement by searching the whole text once.

Stock ``collect_candidate_lines`` prepares each line, computes how much it looks like gibberish, and then asks whether
a year or one of some twenty markers is in it. Here lines are first sorted by a search of the whole text, and the rest
is done for those lines alone that may be candidates, or that follow a candidate and so are reported with it.

The result is the same because a line that is passed over cannot be a candidate: preparing a line of ASCII text puts
spaces, single quotes and "(c)" in place of parts of it, but never joins what was apart, save where a line has "\\xc2"
or what may become "<s>"; so a marker or year in the prepared line is in the line itself, or comes from one of the ways
to write "(c)". Lines with any of these, and lines that are not ASCII, are all looked at in stock's way. Whether text is
gibberish is asked last in place of first: all three questions must have the right answer, whatever their order.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

from cluecode import copyrights, copyrights_hint
from textcode import gibberish

from scanner.engine.speedups import Replacement

#: Stands between lines in the searched text. Lines that are not ASCII are left out of it, so it is in none of them.
_BETWEEN = "\xff"

#: What a lowered ASCII line has somewhere if its prepared form has a marker. "opy" stands for "opyr", "opyl" and all
#: the names of the copyright sign, "a9" and "169" for its numbers, "( c)" for its other spelling; "year>" and
#: "mailto:" become a space, which may complete a "by ".
_CLUES = ("(c)", "( c)", "opy", "169", "a9", "copr", "right", "reserv", "auth", "filecontributor", "devel", "@",
          "\\xc2", "year>", "mailto:")  # fmt: skip


def _spread(word: str) -> str:
    """Return a pattern for the letters of a word with anything between them that ``chars_only`` leaves out."""
    return rf"[^a-z0-9{_BETWEEN}]*".join(word)


_CLUE_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        "by[^a-z0-9]",
        "s/?[>&]",
        rf"(?:{'|'.join(sorted({year[:3] for year in copyrights_hint.all_years}))})\d",
        _spread("http"),
        rf"{_spread('ved')}[^a-z0-9{_BETWEEN}]*(?:{_BETWEEN}|\Z)",
    )
]


def lines_to_look_at(lines: list[str]) -> list[bool]:
    """Return, for each line, whether it may be a candidate or end a statement."""
    ascii_lines = [line if line.isascii() else "" for line in lines]
    wanted = [not line.isascii() for line in lines]
    starts = list(accumulate(map(len, ascii_lines), lambda start, length: start + length + 1, initial=0))
    text = _BETWEEN.join(ascii_lines).lower()
    for clue in _CLUES:
        at = text.find(clue)
        while at >= 0:
            number = bisect_right(starts, at) - 1
            wanted[number] = True
            at = text.find(clue, starts[number + 1])
    for pattern in _CLUE_PATTERNS:
        found = pattern.search(text)
        while found:
            number = bisect_right(starts, found.start()) - 1
            wanted[number] = True
            found = pattern.search(text, starts[number + 1])
    return wanted


_log_probability = {
    first + second: copyrights.gibberish_detector.mat[gibberish.pos[first]][gibberish.pos[second]]
    for first in gibberish.accepted_chars
    for second in gibberish.accepted_chars
}
_not_accepted = re.compile(r"[^a-z0-9\- ]+").sub


def is_gibberish(text: str) -> bool:
    """Tell whether ASCII text is gibberish: the same sums as ``Gibberish.detect_gibberish``, in the same order."""
    accepted = _not_accepted("", text.lower())
    total = 0.0
    for first, second in pairwise(accepted):
        total += _log_probability[first + second]
    return math.exp(total / (max(len(accepted) - 1, 0) or 1)) < copyrights.gibberish_detector.thresh


def is_candidate(prepared: str) -> bool:
    """Tell whether a prepared line may hold a copyright statement."""
    if not prepared or copyrights.is_only_digit_and_punct(prepared):
        return False
    lowered = prepared.lower()
    has_clue = any(marker in lowered for marker in copyrights_hint.statement_markers)
    return (has_clue or bool(copyrights_hint.years(prepared))) and not is_gibberish(prepared)


_goes_on = ("copyright", "copyrights", "and", "by", ",")
_is_year = re.compile(r"19\d\d|20[0-4]\d").fullmatch


def collect_candidate_lines(numbered_lines: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield groups of prepared lines that may hold copyright statements, each as (line number, text)."""
    numbered_lines = list(numbered_lines)
    candidates: list[tuple[int, str]] = []
    more_lines = 0
    previous = ""
    for (number, line), wanted in zip(
        numbered_lines, lines_to_look_at([line for _, line in numbered_lines]), strict=True
    ):
        if not wanted and not more_lines:
            if candidates:
                yield candidates
                candidates = []
            continue
        prepared = copyrights.prepare_text_line(line)
        chars_only = copyrights.remove_non_chars("", line.lower()).strip()
        if wanted and copyrights.is_end_of_statement(chars_only):
            candidates.append((number, prepared))
            yield candidates
            candidates, more_lines = [], 0
        elif wanted and (is_candidate(prepared) or "http" in chars_only or "s>" in line):
            candidates.append((number, prepared))
            more_lines, previous = 2, chars_only
        elif more_lines and (chars_only or previous.endswith(_goes_on) or _is_year(previous[-4:])):
            candidates.append((number, prepared))
            more_lines -= 1
        elif candidates:
            yield candidates
            candidates, more_lines = [], 0
    if candidates:
        yield candidates


REPLACEMENTS = (
    Replacement(
        "cluecode.copyrights",
        "collect_candidate_lines",
        "369d9a629b419cf3",
        collect_candidate_lines,
        relies_on={
            "cluecode.copyrights:is_candidate": "8571b59154e423e4",
            "cluecode.copyrights:is_end_of_statement": "2d0c3d40ac53d46c",
            "cluecode.copyrights:prepare_text_line": "254f44f5895ac34f",
            "cluecode.copyrights_hint:": "5f03386ed3a87867",
            "textcode.gibberish:Gibberish": "f9b2983265d820cb",
            "textcode.markup:": "86e4b7a6672ada08",
        },
    ),
)
