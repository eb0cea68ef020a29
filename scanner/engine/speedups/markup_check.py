"""Tell markup without guessing the encoding of plain ASCII, and judge each distinct tag once.

To see whether a file is markup, stock decodes its start with a detector of encodings. Where the start is printable
ASCII, and has none of the signs at which the detector thinks of another encoding that is written in ASCII (HZ and UTF-7
begin their runs with "~{" and "+") or of a declared one ("charset", "encoding", "coding"), its answer is ASCII.

Whether a tag is kept depends on nothing but the tag, so it is remembered; what begins with none of the characters of
tags, entities and "href" is always kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import typecode
from textcode import analysis, markup

from scanner.engine.speedups import Replacement

TAGS_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 200

_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
_OTHER_ENCODINGS = (b"~{", b"+", b"coding", b"charset")
_FIRST_OF_TAGS = frozenset("<>/\"'&hH")

_kept: dict[str, bool] = {}


def is_markup(location: str) -> bool:
    """Tell whether a file is some kind of markup, such as HTML, XML or PHP."""
    kind = typecode.get_type(location)
    # Small files do not count.
    if kind.size < 64 or not kind.is_text:
        return False
    if location.endswith(markup.extensions):
        return True
    with open(location, "rb") as file:  # noqa: PTH123 - a location is a text, and this is done for each file.
        start = file.read(1024)
    return markup.is_markup_text(_decode(start))


def _decode(start: bytes) -> str:
    if start.translate(None, _PRINTABLE):
        return markup.as_unicode(start)
    lowered = start.lower()
    if any(sign in lowered for sign in _OTHER_ENCODINGS):
        return markup.as_unicode(start)
    return start.decode("ascii")


def demarkup_text(text: str) -> str:
    """Return a line without most markup, its white space normalised."""
    tokens = markup.split_on_tags_and_entities(text)
    return " ".join("".join([token if _is_kept(token) else " " for token in tokens]).split())


def _is_kept(token: str) -> bool:
    if token[:1] not in _FIRST_OF_TAGS:
        return True
    kept = _kept.get(token)
    if kept is None:
        kept = bool(markup.KEEPER(token))
        if len(_kept) >= TAGS_REMEMBERED:
            _kept.clear()
        if len(token) <= _LONGEST_REMEMBERED:
            _kept[token] = kept
    return kept


def demarkup(location: str, stripper: Callable[[str], str] = demarkup_text) -> Iterator[str]:
    """Yield the lines of a file without most markup."""
    return map(stripper, analysis.unicode_text_lines(location))


REPLACEMENTS = (
    Replacement(
        "textcode.markup",
        "is_markup",
        "314b070596d970e5",
        is_markup,
        relies_on={
            "commoncode.text:as_unicode": "c2d3597e5326f9d5",
            "textcode.markup:is_markup_text": "968fa3e6a7d74588",
        },
    ),
    Replacement(
        "textcode.markup",
        "demarkup",
        "b0daa5b105c180a2",
        demarkup,
        relies_on={"textcode.markup:": "86e4b7a6672ada08"},
    ),
)
