"""A file's text with the findings at their lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from reports.values import FileDetail

#: Lines of a file on one page.
LINES_PER_PAGE = 1_000

#: Longer lines are cut: minified code has lines of a million characters.
LINE_LENGTH = 2_000

#: Two findings that lie on the same lines are told by the first of these kinds.
_KINDS = ("license", "copyright", "author", "email", "url")


@dataclass(frozen=True)
class Note:
    """A finding in the margin, at its first line on the page."""

    kind: str
    text: str
    identifier: str = ""  #: of the licence detection


@dataclass(frozen=True)
class Line:
    """A line of a file."""

    number: int
    text: str
    rest: int  #: characters of it that are not shown
    kind: str  #: of the finding that marks it; "" for none
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Source:
    """A page of a file's text."""

    lines: tuple[Line, ...]
    total: int  #: lines of the file
    number: int  #: of the page
    pages: int


def page_of_line(line: int) -> int:
    """Return the page that shows a line."""
    return (max(1, line) - 1) // LINES_PER_PAGE + 1


def annotate(lines: Sequence[str], found: FileDetail, page: int) -> Source:
    """Return a page of the text, marked with what was found in it."""
    first = (page - 1) * LINES_PER_PAGE
    shown = lines[first : first + LINES_PER_PAGE]
    notes: dict[int, dict[Note, None]] = defaultdict(dict)
    # A number for each line: 0, or the place of its kind among _KINDS. Painted by slices, the first kind last, for
    # a file made to annoy has thousands of findings that all reach from its first line to its last.
    marks = bytearray(len(shown))
    for start, end, note in sorted(_findings(found), key=lambda item: (-_KINDS.index(item[2].kind), item[0])):
        begin, stop = max(start - 1 - first, 0), min(end - first, len(shown))
        if begin < stop:
            notes[begin][note] = None
            marks[begin:stop] = bytes([1 + _KINDS.index(note.kind)]) * (stop - begin)
    return Source(
        lines=tuple(
            Line(
                first + index + 1,
                text[:LINE_LENGTH],
                max(len(text) - LINE_LENGTH, 0),
                _KINDS[marks[index] - 1] if marks[index] else "",
                tuple(reversed(notes.get(index, ()))),
            )
            for index, text in enumerate(shown)
        ),
        total=len(lines),
        number=page,
        pages=max(1, -(-len(lines) // LINES_PER_PAGE)),
    )


def _findings(found: FileDetail) -> list[tuple[int, int, Note]]:
    """Return (first line, last line, note) of all that was found in this very file."""
    matches = [
        (match.start_line, match.end_line, Note("license", match.spdx, detection.identifier))
        for detection in found.detections
        for match in detection.matches
        if match.path == found.row.path
    ]
    clues = [(clue.start_line, clue.end_line, Note("license", f"clue: {clue.spdx}")) for clue in found.clues]
    others = [
        (finding.start_line, finding.end_line, Note(kind, finding.value))
        for kind, findings in (
            ("copyright", found.copyrights),
            ("author", found.authors),
            ("email", found.emails),
            ("url", found.urls),
        )
        for finding in findings
    ]
    return [*matches, *clues, *others]
