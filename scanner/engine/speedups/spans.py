"""Keep spans as a first and a last position and, where they have gaps, the bits between them.

Stock keeps a span as a bit set that begins at position 0, so that a match of five words at the end of a long file costs
as much as the file is long, and asking for its end walks over all of its positions. Nearly all spans have no gaps; for
them two numbers are enough. The others are a Python integer whose bit k stands for position ``first + k``: its unions,
intersections and counts are the same set operations on the bits in question only.

A span is the same set of positions as before, whatever it is kept as; all of stock's methods that see the
representation are replaced here, together or not at all. ``_set`` is still there, made when somebody asks. Spans that
were made or unpickled earlier, or are pickled for later, have stock's form (`_adopt`, `_getstate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any

from intbitset import intbitset
from licensedcode.spans import Span

from scanner.engine.speedups import Replacement

_BITS = bytes.maketrans(b"01", b"\0\1")
_OWN = frozenset({"_first", "_last", "_size", "_bits"})
_new: Any = object.__new__


def make(first: int, last: int) -> Span:
    """Return the span of all positions from `first` to `last`."""
    span = _new(Span)
    span._first, span._last, span._size, span._bits = first, last, last - first + 1, 0
    return span


def from_bits(first: int, bits: int) -> Span:
    """Return the span of the positions ``first + k`` for each bit k that is set."""
    span = _new(Span)
    if not bits:
        span._first, span._last, span._size, span._bits = 0, -1, 0, 0
        return span
    zeros = (bits & -bits).bit_length() - 1
    if zeros:
        first += zeros
        bits >>= zeros
    length = bits.bit_length()
    size = bits.bit_count()
    span._first, span._last, span._size = first, first + length - 1, size
    span._bits = 0 if size == length else bits
    return span


def _fill(span: Any, positions: Iterable[int]) -> None:
    """Make `span` consist of `positions`: whole numbers of at least 0, in any order, some perhaps twice."""
    if type(positions) is range and positions.step == 1:
        span._first, span._last, span._size, span._bits = positions.start, positions.stop - 1, len(positions), 0
        if not positions:
            span._first, span._last = 0, -1
        elif positions.start < 0:
            raise ValueError("a position of a span cannot be negative")
        return
    if isinstance(positions, Span):
        span._first, span._last, span._size, span._bits = (
            positions._first, positions._last, positions._size, positions._bits,
        )  # fmt: skip
        return
    values = list(positions)
    if not values:
        span._first, span._last, span._size, span._bits = 0, -1, 0, 0
        return
    first, last = min(values), max(values)
    if first < 0:
        raise ValueError("a position of a span cannot be negative")
    length = last - first + 1
    digits = bytearray(b"0") * length
    for value in values:
        digits[last - value] = 49
    size = digits.count(b"1")
    span._first, span._last, span._size = first, last, size
    span._bits = 0 if size == length else int(digits, 2)


def _init(self: Any, *args: Any) -> None:
    """Make a span from nothing, a position, two ends, positions, or an iterable of positions."""
    if not args:
        self._first, self._last, self._size, self._bits = 0, -1, 0, 0
    elif len(args) == 2:
        _fill(self, range(args[0], args[1] + 1))
    elif len(args) == 1 and not isinstance(args[0], int):
        _fill(self, args[0])
    else:
        _fill(self, args)


def _adopt(self: Any, name: str) -> Any:
    """Take over a span that has stock's representation; called when a field of ours is not there yet."""
    if name in _OWN and "_set" in self.__dict__:
        _fill(self, self.__dict__.pop("_set"))
        return self.__dict__[name]
    raise AttributeError(name)


def _getstate(self: Any) -> dict[str, Any]:
    """Return the state to pickle, as stock has it, because stock may be the one to load it."""
    return {"_set": self._set}


def _as_set(self: Any) -> intbitset:
    """Return the positions as a bit set."""
    return intbitset(list(_iter(self)))


def _digits(span: Any, start: int, end: int) -> int:
    """Return the positions of a span from `start` to `end`, both within it, as bits from `start` on."""
    ones: int = (1 << (end - start + 1)) - 1
    if not span._bits:
        return ones
    bits = span._bits >> (start - span._first) if start != span._first else span._bits
    return bits if end == span._last else bits & ones


def _len(self: Any) -> int:
    return self._size


def _iter(self: Any) -> Iterator[int]:
    positions = range(self._first, self._last + 1)
    if not self._bits:
        return iter(positions)
    return compress(positions, f"{self._bits:b}"[::-1].encode().translate(_BITS))


def _hash(self: Any) -> int:
    return hash(tuple(_iter(self)))


def _eq(self: Any, other: Any) -> bool:
    return (
        (type(other) is Span or isinstance(other, Span))
        and self._first == other._first
        and self._last == other._last
        and self._size == other._size
        and self._bits == other._bits
    )


def _shared(self: Any, other: Any) -> Span:
    start = max(self._first, other._first)
    end = min(self._last, other._last)
    if end < start:
        return from_bits(0, 0)
    if not self._bits and not other._bits:
        return make(start, end)
    return from_bits(start, _digits(self, start, end) & _digits(other, start, end))


def _and(self: Any, *others: Any) -> Span:
    span = _shared(self, others[0]) if others else _copy(self)
    for other in others[1:]:
        span = _shared(span, other)
    return span


def _copy(span: Any) -> Span:
    copy = _new(Span)
    _fill(copy, span)
    return copy


def joined(self: Any, other: Any) -> Span:
    """Return the union of two spans."""
    if not self._size:
        return _copy(other)
    if not other._size:
        return _copy(self)
    if self._first > other._first:
        self, other = other, self
    if not self._bits and not other._bits and other._first <= self._last + 1:
        return make(self._first, max(self._last, other._last))
    bits = _digits(self, self._first, self._last) | (
        _digits(other, other._first, other._last) << (other._first - self._first)
    )
    return from_bits(self._first, bits)


def _joined_all(spans: Sequence[Any]) -> Span:
    """Return the union of many spans in time that is linear in their number and extent."""
    spans = [span for span in spans if span._size]
    if not spans:
        return from_bits(0, 0)
    first, last = min(span._first for span in spans), max(span._last for span in spans)
    digits = bytearray(b"0") * (last - first + 1)
    for span in spans:
        start, end = last - span._last, last - span._first + 1
        if span._bits:
            for position in _iter(span):
                digits[last - position] = 49
        else:
            digits[start:end] = b"1" * span._size
    return from_bits(first, int(digits, 2))


def _or(self: Any, *others: Any) -> Span:
    if not others:
        return _copy(self)
    return joined(self, others[0]) if len(others) == 1 else _joined_all((self, *others))


def _difference(self: Any, *others: Any) -> Span:
    bits = _digits(self, self._first, self._last) if self._size else 0
    for other in others:
        start = max(self._first, other._first)
        end = min(self._last, other._last)
        if start <= end:
            bits &= ~(_digits(other, start, end) << (start - self._first))
    return from_bits(self._first, bits)


def _issuperset(self: Any, other: Any) -> bool:
    if not other._size:
        return True
    if other._first < self._first or other._last > self._last or other._size > self._size:
        return False
    if not self._bits:
        return True
    bits = _digits(other, other._first, other._last)
    return _digits(self, other._first, other._last) & bits == bits


def _issubset(self: Any, other: Any) -> bool:
    return _issuperset(other, self)


def _contains(self: Any, other: Any) -> bool | None:
    if isinstance(other, int):
        if other < self._first or other > self._last:
            return False
        return not self._bits or bool(self._bits >> (other - self._first) & 1)
    if isinstance(other, Span):
        return _issuperset(self, other)
    if isinstance(other, (set, frozenset, intbitset)):
        return all(_contains(self, position) for position in other)
    return None


def _start(self: Any) -> int:
    if not self._size:
        raise TypeError("Empty Span has no start.")
    return self._first


def _end(self: Any) -> int:
    if not self._size:
        raise TypeError("Empty Span has no end.")
    return self._last


def _magnitude(self: Any) -> int:
    return self._last - self._first + 1


def _density(self: Any) -> float:
    return self._size / _magnitude(self) if self._size else 0


def _overlap(self: Any, other: Any) -> int:
    start = self._first if self._first > other._first else other._first
    end = self._last if self._last < other._last else other._last
    if end < start:
        return 0
    if not self._bits and not other._bits:
        return end - start + 1
    return (_digits(self, start, end) & _digits(other, start, end)).bit_count()


def _resemblance(self: Any, other: Any) -> float:
    overlap = _overlap(self, other)
    if not overlap:
        return 0
    if _eq(self, other):
        return 1
    return overlap / (self._size + other._size - overlap)


def _containment(self: Any, other: Any) -> float:
    overlap = _overlap(self, other)
    if not overlap:
        return 0
    return 1 if _eq(self, other) else overlap / other._size


_STOCK = {
    "__init__": _init,
    "__getattr__": _adopt,
    "__getstate__": _getstate,
    "_set": property(_as_set),
    "set": property(_as_set),
    "__len__": _len,
    "__iter__": _iter,
    "__hash__": _hash,
    "__eq__": _eq,
    "__and__": _and,
    "__or__": _or,
    "union": _or,
    "difference": _difference,
    "issubset": _issubset,
    "issuperset": _issuperset,
    "__contains__": _contains,
    "start": property(_start),
    "end": property(_end),
    "magnitude": _magnitude,
    "density": _density,
    "overlap": _overlap,
    "resemblance": _resemblance,
    "containment": _containment,
}

REPLACEMENTS = tuple(
    Replacement(
        "licensedcode.spans", f"Span.{name}", None, function, relies_on={"licensedcode.spans:Span": "b894352a95455f8f"}
    )
    for name, function in _STOCK.items()
)

# The first instances of a class decide which attributes all others keep without a dict of their own, and there is no
# room for more than stock's one after the 30 instances that the licence index begins with (CPython 3.11, dictobject.c:
# init_inline_values).
make(0, 0)
