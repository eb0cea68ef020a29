"""Make the text of a match from the lines of the match, once for each way of asking.

Stock tokenises the whole file again for the first match of which the text is wanted, and then walks through all of its
tokens for each match, though it reports only those on the lines of the match. To begin at the first of these lines, one
has to know how many known tokens come before it: the query has counted them, with a tokeniser that differs from the one
used here only if lower-casing changes where words begin and end. In ASCII it does not, so only the lines with other
characters are counted anew. Long lines, as of minified code, are entered within. From there the steps are stock's
``_tokenize_matched_text``, ``reportable_tokens`` and ``get_full_qspan_matched_text`` in one loop, which ends one token
after the match, because positions only grow and no token beyond can be in it.

Stock asks for the same text up to three times (false positives, identifier, report); it is a function of the query, the
span, the lines and the options, and is kept while the query is the one that was asked for last.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any

from licensedcode.match import LicenseMatch
from licensedcode.stopwords import STOPWORDS
from licensedcode.tokenize import index_tokenizer, tokens_and_non_tokens

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.queries import reading_of

stock_matched_text = LicenseMatch.matched_text

#: A line of more characters is also entered at places within it, this many tokens apart.
_LONG_LINE = 2000
_STEP = 200


class _Text:
    """The lines of a query's text, with places where the position of the next known token is known."""

    def __init__(self, query: Any) -> None:
        reading = reading_of(query)
        self.query = query
        self.dictionary = query.idx.dictionary
        self.numbers = [number for number, _ in reading.lines]
        self.lines = [line for _, line in reading.lines]
        self.known: dict[Any, tuple[Any, str]] = {}
        # One item for each such place, in the order of the text: the position, the line's place, the offset in it.
        self.positions: list[int] = []
        self.entries: list[tuple[int, int]] = []
        self.line_starts: list[int] = []
        position = 0
        for place, (line, known) in enumerate(zip(self.lines, reading.known, strict=True)):
            self.line_starts.append(len(self.entries))
            self._enter(position, place, 0)
            position += known if line.isascii() and len(line) < _LONG_LINE else self._go_through(place, position)

    def _enter(self, position: int, place: int, offset: int) -> None:
        self.positions.append(position)
        self.entries.append((place, offset))

    def _go_through(self, place: int, start: int) -> int:
        """Note entries to a line that is long, and return how many known tokens it has."""
        position, latest, before = start, 0, 0
        for number, (_, _, known_at, offset) in enumerate(_tokens(self.lines[place], 0, start, self.dictionary)):
            if number >= latest + _STEP and offset != before:
                self._enter(position, place, offset)
                latest = number
            before = offset  # Several words can come from one place, which is entered before the first.
            position += known_at >= 0
        return position - start

    def tokens(self, match: Any, whole_lines: bool) -> Iterator[tuple[str, bool, int]]:
        """Yield the tokens on the lines of a match: all of them, or from somewhere not behind its start.

        Each comes with whether it is a word and with its position if it is known, else -1. The first token of all is
        preceded by nothing; any other one here is preceded by an empty token.
        """
        first = bisect_left(self.numbers, match.start_line)
        end = bisect_left(self.numbers, match.end_line + 1)
        if first >= end:
            return
        entry = self.line_starts[first]
        if not whole_lines:
            entry = max(entry, bisect_right(self.positions, match.qspan.start) - 1)
        first, offset = self.entries[entry]
        if entry:
            yield "", False, -1
        for place in range(first, end):
            start = self.positions[entry if place == first else self.line_starts[place]]
            for token in _tokens(self.lines[place], offset, start, self.dictionary):
                yield token[:3]
            offset = 0


def _tokens(line: str, offset: int, position: int, dictionary: Any) -> Iterator[tuple[str, bool, int, int]]:
    """Yield the tokens from an offset on: each, whether it is a word, its position or -1 if unknown, and its offset."""
    for found in tokens_and_non_tokens(line, offset):
        value = found.group()
        if found.lastgroup != "token":
            yield value, False, -1, found.start()
            continue
        # Lower-casing an ASCII word leaves it one word; another may fall into several, or be a stop word.
        words = [value.lower()] if value.isascii() else list(index_tokenizer(value)) or [""]
        for word in words:
            known = word in dictionary and word not in STOPWORDS
            yield value if len(words) == 1 else word, True, position if known else -1, found.start()
            position += known


_latest: list[_Text] = []


def _text_of(query: Any) -> _Text:
    if not _latest or _latest[0].query is not query:
        _latest[:] = [_Text(query)]
    return _latest[0]


def matched_text(
    self: Any,
    whole_lines: bool = False,
    highlight: bool = True,
    highlight_matched: str = "{}",
    highlight_not_matched: str = "[{}]",
    _usecache: bool = True,
) -> str:
    """Return the text of this match, with the words that are not matched marked if `highlight` is true."""
    query = self.query
    if not query:
        return ""
    if not _usecache:
        return stock_matched_text(self, whole_lines, highlight, highlight_matched, highlight_not_matched, _usecache)
    if whole_lines and query.has_long_lines:
        whole_lines = False
    text = _text_of(query)
    formats = (highlight_matched, highlight_not_matched) if highlight else None
    key = (id(self.qspan), self.start_line, self.end_line, whole_lines, formats)
    if key not in text.known:
        # The span is kept with the text so that its id stays its own.
        text.known[key] = self.qspan, "".join(_reported(text, self, whole_lines, formats)).rstrip()
    return text.known[key][1]


def _reported(text: _Text, match: Any, whole_lines: bool, formats: tuple[str, str] | None) -> Iterator[str]:
    span = match.qspan
    start, end = span.start, span.end
    started = finished = False
    # As in stock, the very first token of a file is at 0, which also stands for "no end yet".
    end_place = last_place = 0
    for place, (value, is_text, known_at) in enumerate(text.tokens(match, whole_lines)):
        is_matched = known_at != -1 and known_at in span
        included = is_matched or whole_lines
        if not whole_lines:
            if known_at == start and not started:
                started = True
            if started and not finished:
                included = True
            if known_at == end:
                finished, started = True, False
                end_place = place
            elif finished:
                if end_place and last_place == end_place and not is_text and value.strip():
                    included = True
                if not included:
                    return
        last_place = place
        if included:
            yield _shown(value, is_text, is_matched, formats)


def _shown(value: str, is_text: bool, is_matched: bool, formats: tuple[str, str] | None) -> str:
    if not formats or not is_text or value.lower() in STOPWORDS:
        return value
    return formats[0 if is_matched else 1].format(value)


REPLACEMENTS = (
    Replacement(
        module="licensedcode.match",
        name="LicenseMatch.matched_text",
        digest="5608beb66d581dfd",
        function=matched_text,
        relies_on={
            "licensedcode.match:tokenize_matched_text": "4b96130bef307ef4",
            "licensedcode.match:_tokenize_matched_text": "4b92596a750c3c22",
            "licensedcode.match:reportable_tokens": "8047e2f6b15c55f8",
            "licensedcode.match:get_full_matched_text": "6a1fbfde71a30f2d",
            "licensedcode.match:get_full_qspan_matched_text": "84e74e9ce2c07ef7",
            "licensedcode.tokenize:index_tokenizer": "b69f690a2f6ce171",
            "licensedcode.tokenize:query_tokenizer": "40edd78d872a4fb1",
            "licensedcode.tokenize:query_lines": "c78dc17b16f0be24",
            "licensedcode.tokenize:matched_query_text_tokenizer": "af65e7eb56cc109d",
            "licensedcode.query:Query.tokens_by_line": "9d5d1cb6c0722e17",
        },
    ),
)
