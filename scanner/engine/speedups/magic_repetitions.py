"""Write libmagic's regular expressions without the bounds of repetitions that a file does not come near.

The C library compiles ``x{0,255}`` into 255 copies of ``x``, anew for each file, which takes longer than all else that
libmagic does with most texts. Where no more than 255 ``x`` follow one another in all that the expression is shown,
``x*`` matches the same places: each way in which it matches is one in which the other does, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLASSES = ((b"[:space:]", rb"\s"), (b"[:alpha:]", b"a-zA-Z"), (b"[:digit:]", b"0-9"))
_BRACKETS = rb"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]"
#: A piece of an expression, and how often it may be repeated at least and at most.
_piece = re.compile(
    rb"(?P<one>\(" + _BRACKETS + rb"\)|" + _BRACKETS + rb"|\\.|.)(?:\{(?P<least>\d+),(?P<most>\d+)\})?", re.DOTALL
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
