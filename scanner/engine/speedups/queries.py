"""Tokenise a text in one sweep and count its tokens as arrays.

Stock takes a file line by line and token by token. Here the lines are joined again, one pass of the same regular
expression with an alternative for the end of a line finds all words, one look-up says of each whether it is known, a
stop word, and short or of digits only, and the rest is counting:

* a word never contains the end of a line, and lower-casing a line does not look beyond its end, so the words are those
  of the lines taken alone (should a line contain an end of line within, the stock code runs);
* a position is the number of known words so far, less one, wherever stock keeps its running count;
* whether a line breaks a run depends on how many tokens it has, how many are known, whether one is legalese and whether
  all are digits: four sums over the line. The run of lines is then gone through as in stock.

The lines as they were read are kept for the text of matches, which stock reads the file again for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import typecode
from intbitset import intbitset
from licensedcode.match_spdx_lid import split_spdx_lid
from licensedcode.query import LINES_THRESHOLD, MAX_TOKEN_PER_LINE, Query, QueryRun
from licensedcode.spans import Span
from licensedcode.stopwords import STOPWORDS
from licensedcode.tokenize import query_lines, query_pattern, query_tokenizer

from scanner.engine.speedups import Replacement

Array = npt.NDArray[Any]

stock_init = Query.__init__

_find_words = re.compile(f"{query_pattern}|\n", re.UNICODE).findall
#: For ASCII without plus signs, where a word is just a run of letters and digits: the letters in lower case, the end of
#: a line as a word of its own, and spaces for all the rest.
_TO_WORDS = bytes(
    ord(character.lower()) if character.isalnum() else 1 if character == "\n" else 32
    for character in map(chr, range(128))
).ljust(256)
_END_OF_LINE = "\1"

#: What is looked up for a word that is not known; a known one gives twice its id, plus one if it is short or digits.
_STOPWORD, _UNKNOWN, _END = -1, -2, -3


class _Vocabulary:
    """What to look up for each word of an index."""

    def __init__(self, idx: Any) -> None:
        self.index = idx
        self.codes: dict[str, int] = {
            word: tid * 2 + (len(word) == 1 or word.isdigit()) for word, tid in idx.dictionary.items()
        }
        self.codes.update(dict.fromkeys(STOPWORDS, _STOPWORD))
        self.codes["\n"] = self.codes[_END_OF_LINE] = _END
        self.is_digits = np.zeros(max(idx.dictionary.values(), default=0) + 1, dtype=bool)
        self.is_digits[idx.digit_only_tids.tolist()] = True


_known: list[_Vocabulary] = []


def prepare(idx: Any) -> _Vocabulary:
    """Return the vocabulary of a license index, which is kept with it."""
    if not _known or _known[0].index is not idx:
        _known[:] = [_Vocabulary(idx)]
    return _known[0]


class Reading(NamedTuple):
    """A text as it was read for a query."""

    query: Any
    lines: list[tuple[int, str]]  #: numbered, each with one line feed at its end
    known: list[int]  #: how many known tokens each line has


_latest: list[Reading] = []


def reading_of(query: Any) -> Reading:
    """Return the text of a query: what was read for it, or if another has been made since, what is read now."""
    if _latest and _latest[0].query is query:
        return _latest[0]
    lines = list(query_lines(query.location, query.query_string, strip=False, start_line=query.start_line))
    known = query.idx.dictionary
    counts = [sum(word in known and word not in STOPWORDS for word in query_tokenizer(line)) for _, line in lines]
    return Reading(query, lines, counts)


def init(
    self: Any,
    location: str | None = None,
    query_string: str | None = None,
    idx: Any = None,
    line_threshold: int = LINES_THRESHOLD,
    start_line: int = 1,
    _test_mode: bool = False,
) -> None:
    """Make a query of a file or a string."""
    assert location or query_string
    assert idx
    spdx_words = [idx.dictionary.get(word) for word in ("spdx", "license", "identifier", "licenses", "nuget", "org")]
    _latest.clear()
    lines: list[tuple[int, str]] = []
    if not _test_mode and None not in spdx_words:
        lines = list(query_lines(location, query_string, strip=False, start_line=start_line))
    texts = [line for _, line in lines]
    if not lines or "".join(texts).count("\n") != len(lines):
        stock_init(self, location, query_string, idx, line_threshold, start_line, _test_mode)
        return
    self.location = location
    self.query_string = query_string
    self.idx = idx
    self.line_threshold = line_threshold
    self.start_line = start_line
    self.has_long_lines = self.is_binary = False
    self.spdx_lid_token_ids = [spdx_words[:3], spdx_words[3:]]
    self._whole_query_run = None
    tokens = _Tokens(prepare(idx), texts)
    tokens.describe(self, lines)
    _set_runs(self, tokens)
    _latest[:] = [Reading(self, lines, np.bincount(tokens.line[tokens.is_known], minlength=len(lines)).tolist())]


def _is_simple(line: str) -> bool:
    return line.isascii() and "+" not in line


def _simple_words(text: str) -> list[str]:
    return text.encode("ascii").translate(_TO_WORDS).replace(b"\1", b" \1 ").decode("ascii").split()


class _Tokens:
    """The tokens of a text, stop words included, with what is counted from them."""

    def __init__(self, vocabulary: _Vocabulary, lines: list[str]) -> None:
        words: list[str] = []
        for is_simple, some in groupby(lines, key=_is_simple):
            text = "".join(some)
            words += _simple_words(text) if is_simple else _find_words(text.lower())
        self.vocabulary = vocabulary
        self.codes = np.fromiter(map(vocabulary.codes.get, words, repeat(_UNKNOWN)), np.int64, len(words))
        self.is_known = self.codes >= 0
        self.position = np.cumsum(self.is_known) - 1
        ends = self.codes == _END
        self.line = np.cumsum(ends) - ends
        self.tids = self.codes[self.is_known] >> 1

    def describe(self, query: Any, lines: list[tuple[int, str]]) -> None:
        """Set what a query knows of its tokens."""
        query.tokens = self.tids.tolist()
        numbers = np.array([number for number, _ in lines])
        query.line_by_pos = numbers[self.line[self.is_known]].tolist()
        query.unknowns_by_pos = self._counted(_UNKNOWN)
        query.unknowns_span = Span([position for position in query.unknowns_by_pos if position >= 0])
        query.stopwords_by_pos = self._counted(_STOPWORD)
        query.shorts_and_digits_pos = set(np.flatnonzero(self.codes[self.is_known] & 1).tolist())
        is_high = self.tids < query.idx.len_legalese
        query.high_matchables = intbitset(np.flatnonzero(is_high).tolist())
        query.low_matchables = intbitset(np.flatnonzero(~is_high).tolist())
        query.spdx_lines = list(self._spdx_lines(query, lines))

    def _counted(self, code: int) -> dict[int, int]:
        """Return after which positions there are tokens of a kind, and how many."""
        return dict(Counter(self.position[self.codes == code].tolist()))

    def _spdx_lines(self, query: Any, lines: list[tuple[int, str]]) -> Iterator[tuple[str, int, int]]:
        """Yield the text and the first and last position of each line that starts with an SPDX identifier."""
        is_counted = self.codes != _STOPWORD
        codes, line, position = self.codes[is_counted], self.line[is_counted], self.position[is_counted]
        tids = np.where(codes >= 0, codes >> 1, codes)
        starts = [
            place
            for first, second, third in query.spdx_lid_token_ids
            for place in np.flatnonzero(tids[:-2] == first).tolist()
            if tids[place + 1] == second and tids[place + 2] == third
        ]
        if not starts:
            return
        line_start = np.searchsorted(line, np.arange(len(lines)))
        seen = set()
        for place in sorted(starts):
            number = int(line[place])
            offset = int(place - line_start[number])
            if offset > 2 or number in seen:
                continue
            seen.add(number)
            before = int(position[line_start[number] - 1]) if line_start[number] else -1
            # The first known token of the line, whether or not the tokens before it are known: as in stock.
            start = before + 1 + offset
            last = int(position[np.searchsorted(line, number, side="right") - 1])
            if start <= last:
                prefix, expression = split_spdx_lid(lines[number][1].strip())
                yield (prefix or "") + expression, start, last


def _set_runs(query: Any, tokens: _Tokens) -> None:
    """Break a query in runs where there are lines enough without legalese."""
    if query.location:
        file_type = typecode.get_type(query.location)
        query.has_long_lines = bool(file_type.is_text_with_long_lines)
        query.is_binary = bool(file_type.is_binary)
    ends = []
    start = position = empty_lines = 0
    threshold = query.line_threshold
    for known, is_good in _lines(query, tokens):
        if empty_lines >= threshold and position > start:
            ends.append((start, position - 1))
            start = position
            empty_lines = 0
        position += known
        empty_lines = 0 if is_good else empty_lines + 1
    if position > start and not tokens.vocabulary.is_digits[tokens.tids[start:position]].all():
        ends.append((start, position - 1))
    query.query_runs = [QueryRun(query, start, end) for start, end in ends]


def _lines(query: Any, tokens: _Tokens) -> Iterator[tuple[int, bool]]:
    """Yield for each line how many known tokens it has, and whether it has legalese and is not of digits only.

    Long lines count as several of 25 tokens each, and empty lines then as none, as in stock.
    """
    is_token = (tokens.codes != _STOPWORD) & (tokens.codes != _END)
    codes, line = tokens.codes[is_token], tokens.line[is_token]
    count = int(tokens.line[-1]) + 1
    if query.has_long_lines:
        in_line = np.arange(len(line)) - np.searchsorted(line, line)
        starts_one = in_line % MAX_TOKEN_PER_LINE == 0
        line = np.cumsum(starts_one) - 1
        count = int(line[-1]) + 1 if len(line) else 0
    is_known = codes >= 0
    tids = np.where(is_known, codes >> 1, 0)
    known = np.bincount(line[is_known], minlength=count)
    legalese = np.bincount(line[is_known & (tids < query.idx.len_legalese)], minlength=count)
    other = np.bincount(line[is_known & ~tokens.vocabulary.is_digits[tids]], minlength=count)
    return zip(known.tolist(), ((legalese > 0) & (other > 0)).tolist(), strict=True)


REPLACEMENTS = (
    Replacement(
        module="licensedcode.query",
        name="Query.__init__",
        digest="fd8b79c7cbd9c0ef",
        function=init,
        relies_on={
            "licensedcode.query:Query.tokens_by_line": "9d5d1cb6c0722e17",
            "licensedcode.query:Query.tokenize_and_build_runs": "ac34f29e73bf0633",
            "licensedcode.query:Query._tokenize_and_build_runs": "2ab3ece237eff828",
            "licensedcode.query:break_long_lines": "93b3a650ae97d258",
            "licensedcode.query:QueryRun.__init__": "f6fcf1b09fee8982",
            "licensedcode.query:QueryRun.__len__": "ed88132ccdac4afe",
            "licensedcode.query:QueryRun.tokens": "661618a03263b775",
            "licensedcode.tokenize:query_tokenizer": "40edd78d872a4fb1",
            "licensedcode.tokenize:query_lines": "c78dc17b16f0be24",
        },
    ),
)
