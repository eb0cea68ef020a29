"""libmagic's regular expressions: what Python can say of where they match, and how they are compiled faster.

The C library compiles ``x{0,255}`` into 255 copies of ``x``, anew for each file, which takes longer than all else that
libmagic does with most texts. Where no more than 255 ``x`` follow one another in all that the expression is shown,
``x*`` matches the same places: each way in which it matches is one in which the other does, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

#: Classes of characters in brackets, as libmagic's expressions and as Python's have them, for bytes of ASCII.
_CLASSES = ((b"[:space:]", rb"\s"), (b"[:alpha:]", b"a-zA-Z"), (b"[:digit:]", b"0-9"))
_POSIX_BRACKETS = rb"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]"
#: A piece of an expression, and how often it may be repeated at least and at most.
_piece = re.compile(
    rb"(?P<one>\(" + _POSIX_BRACKETS + rb"\)|" + _POSIX_BRACKETS + rb"|\\.|.)(?:\{(?P<least>\d+),(?P<most>\d+)\})?",
    re.DOTALL,
)
#: Less than this is compiled fast enough.
_WORTH = 20


@dataclass(frozen=True)
class Run:
    """So many characters of a kind in a row."""

    kind: bytes  #: for each byte, whether it is of the kind
    length: int

    def is_in(self, text: bytes) -> bool:
        return b"\1" * self.length in text.translate(self.kind)


def without_bounds(expression: bytes) -> tuple[bytes, list[Run]] | None:
    """Return an expression that matches the same places in a text without any of these runs; None if there is none."""
    runs: list[Run] = []

    def written(piece: re.Match[bytes]) -> bytes:
        one, least, most = piece["one"], piece["least"], int(piece["most"] or 0)
        kind = _kind(one)
        if most < _WORTH or least not in (b"0", b"1") or kind is None:
            return piece[0]
        runs.append(Run(kind, most + 1))
        return one + (b"+" if int(least) else b"*")

    unbounded = _piece.sub(written, expression)
    return (unbounded, runs) if runs else None


def _kind(one: bytes) -> bytes | None:
    """Return for each byte whether a piece of an expression matches it, or might; None if that is not known."""
    for name, members in _CLASSES:
        one = one.replace(name, members)
    if b"[:" in one or b"\\" in one.replace(rb"\s", b"") or not re.fullmatch(rb"\(?\[.+\]\)?|[ \w]", one, re.DOTALL):
        return None
    matches = re.compile(one, re.IGNORECASE).fullmatch
    return bytes(bool(matches(bytes([value]))) for value in range(256))


_END_OF_LINE = rb"(?=\n|\Z)"
_PYTHON_BRACKETS = rb"\[\^?\]?[^\]\\]*(?:\\[sn][^\]\\]*)*\]"
_PLAIN = rb"(?:\\[^A-Za-z0-9]|\\[sn]|[^\\^$|()*+?{}\[\]])"
_QUANTIFIER = rb"(?:[*+?]|\{\d+(?:,\d*)?\})?"
_NO_GROUP = rb"(?:" + _PLAIN + rb"|" + _PYTHON_BRACKETS + rb")" + _QUANTIFIER
_INNER_GROUP = rb"\((?:" + _NO_GROUP + rb"|\|)*\)" + _QUANTIFIER
_GROUP = rb"\((?:" + _NO_GROUP + rb"|" + _INNER_GROUP + rb"|\|)*\)" + _QUANTIFIER
_pieces = re.compile(_NO_GROUP + rb"|" + _GROUP + rb"|\|").findall


def as_python(expression: bytes, anchored: bool, ended: bool) -> bytes | None:
    """Return a Python expression that matches, in a line break and a text, whatever a POSIX one does in the text.

    The start of a line is a line break, which is quick to find; it is left out unless ``anchored``, that is unless
    libmagic looks at the text from its beginning. The end of a line is that or the place where libmagic stops to look;
    it is left out unless ``ended``, that is unless this place is known. None for what is not understood.
    """
    python = expression
    for name, members in _CLASSES:
        python = python.replace(name, members)
    # As in libmagic, no class that says what is not in it goes beyond a line.
    python = python.replace(b"[^", rb"[^\n")
    ended = ended and python.endswith(b"$")
    python = python.removesuffix(b"$")
    if python.startswith(b"^"):
        python = (rb"\n" if anchored else b"") + python[1:]
    if b"[:" in python or b"".join(_pieces(python)) != python:
        return None
    return python + (_END_OF_LINE if ended else b"")


def without_long_repeats(python: bytes) -> bytes:
    """Return the expression up to what Python may be slow at, which matches wherever the whole one does.

    That is a repetition of any character, save the first one, or of something that holds a repetition. White space and
    blank lines before the text of a line are left out for the same reason.
    """
    kept: list[bytes] = []
    end = _END_OF_LINE if python.endswith(_END_OF_LINE) else b""
    python = re.sub(rb"^(?:\\n)?\[\\s\]\*", b"", python.removesuffix(_END_OF_LINE))
    allowed = 1
    skipping = False
    for piece in _pieces(python):
        if piece == b"|":
            skipping = False
        elif re.search(rb"[*+].*\)[*+]$", piece, re.DOTALL):
            skipping = True
        elif re.search(rb"\.[*+]", piece):
            skipping = skipping or not allowed
            allowed = 0
        if not skipping:
            kept.append(piece)
    return b"".join(kept) + (b"" if skipping else end)


def branches(python: bytes) -> list[bytes]:
    """Return expressions of which one matches wherever this one does; each with a fixed start is found quickly."""
    found = [b""]
    for piece in _pieces(python.removesuffix(_END_OF_LINE)):
        if piece == b"|":
            found.append(b"")
        else:
            found[-1] += piece
    if python.endswith(_END_OF_LINE):
        found[-1] += _END_OF_LINE
    alternatives = re.match(rb"\(([\w|]+)\)(?![*+?{])", python)
    if len(found) == 1 and alternatives:
        found = [first + python[alternatives.end() :] for first in alternatives[1].split(b"|")]
    return found


def longest_fixed_part(python: bytes) -> bytes:
    """Return the longest text that is in whatever the expression matches."""
    return max(_fixed_parts(_parser.parse(python)), key=len, default=b"")


def _fixed_parts(items: Iterable[tuple[Any, Any]]) -> Iterator[bytes]:
    part = b""
    for operation, value in items:
        if operation is _constants.LITERAL:
            part += bytes([value])
        else:
            yield part
            part = b""
    yield part
