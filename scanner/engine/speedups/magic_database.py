"""libmagic's compiled database, taken apart into checks, and what a file must hold for each to match.

A compiled database (``magic.mgc``, version 16, made on a little-endian machine) is an array of records of equal size
behind a header record. A check is a record of level 0 and the records of higher levels that follow it; it prints what
the records that match say. Checks do not see each other, so a database without those that print nothing for a file
gives the answer of the whole one.

Of most checks it is known what must be in a file for them to match: certain bytes at a certain place, or a text
somewhere in a range ("search"), or what a regular expression has fixed in it. Checks of the latter two kinds mostly say
nothing at level 0, but only where one of level 1 matches too.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any

from scanner.engine.speedups.magic_expressions import (
    Run,
    as_python,
    branches,
    longest_fixed_part,
    without_bounds,
    without_long_repeats,
)

_MAGIC_NUMBER = 0xF11E041C
_VERSION = 16
_RECORD_BYTES = 376
_HEADER = struct.Struct("<IIII")
#: Of a record: level, flags of the offset, relation, length of the value, kind, what is done with a number and its mask
#: before it is compared, condition, offset, range of a search and its flags, which for numbers are a mask. What lies
#: between says how checks are ordered, which they are.
_RECORD = struct.Struct("<HBxcBB2xBBxi8xII")
_LENGTH = 5
_VALUE, _VALUE_BYTES = slice(32, 160), 128
#: Where a record holds what it prints: the description, the MIME type, and two more kinds of names.
_OUTPUT = slice(160, 376)
_DESCRIPTION = slice(160, 224)
_MIME_TYPE = slice(224, 304)
_STRING = 5
#: Bytes of the kinds of numbers, and whether the last comes first; None stands for this machine's order.
_NUMBERS = {
    **{1: (1, None), 2: (2, None), 4: (4, None), 24: (8, None)},
    **{7: (2, "big"), 8: (4, "big"), 26: (8, "big"), 10: (2, "little"), 11: (4, "little"), 25: (8, "little")},
}
_REGEX = 17
_SEARCH = 20
_INDIRECT = 0x01
_RELATIVE = 0x02
_FOR_TEXT_OR_BINARY = 0x20 | 0x40
_IGNORE_CASE = 0x4 | 0x8
_WHITE_SPACE_COMPACTED = 0x1 | 0x2
#: Records that go on elsewhere: indirect, by name, and in a continuation of the file's own structure.
_CALLS = (41, 45, 46)
#: What Java's imports look for, and each module of JavaScript has.
_OFTEN_MATCHING = (b"^import.*;$",)
#: Searches of shorter ranges are not worth leaving out.
_SHORT_SEARCH = 64
#: The most that a regular expression is shown of a file, the longest range of a search that is left out, and the
#: furthest offset, in bytes.
_REACH = 8192
_FURTHEST_OFFSET = 64
_FURTHEST_EXACT = 65536
#: How much of the start of a file decides: a check of level 1 may begin where the one of level 0 has matched.
NEEDED_WITHIN_BYTES = _REACH + _FURTHEST_OFFSET + 128
HEAD_BYTES = 2 * (_REACH + _FURTHEST_OFFSET) + 128

MayMatch = Callable[[bytes], Any]
Buffer = bytes | memoryview


@dataclass(frozen=True, eq=False)
class Check:
    """One check of level 0 with its continuations."""

    records: bytes
    #: A text in lower case without which the check cannot match, or empty if none is known.
    needs: bytes = b""
    #: Tells of a head that has the text, behind a line break, whether the check may print something.
    may_match: MayMatch = bool
    #: Where which bytes must be, if that decides, and which of their bits.
    exact: tuple[int, bytes] | None = None
    mask: bytes = b""
    #: The same check for a head without certain runs of characters, with expressions that are compiled faster.
    unbounded: Check | None = None
    runs: tuple[Run, ...] = ()

    def for_head(self, head: bytes) -> Check:
        """Return the check as it is best written for a file with this head."""
        if self.unbounded is None or any(run.is_in(head) for run in self.runs):
            return self
        return self.unbounded


@dataclass(frozen=True, eq=False)
class Database:
    """A compiled database: its checks in their order, and the named parts that they use."""

    checks: tuple[Check, ...]
    named: bytes

    def types_are_described(self) -> bool:
        """Tell whether all that has a MIME type has a description too."""
        everything = b"".join(check.records for check in self.checks) + self.named
        records = (everything[at : at + _RECORD_BYTES] for at in range(0, len(everything), _RECORD_BYTES))
        return not any(record[_MIME_TYPE].strip(b"\0") and not record[_DESCRIPTION].strip(b"\0") for record in records)

    @cached_property
    def _always(self) -> tuple[memoryview, dict[Check, tuple[int, int]]]:
        """Return the checks of which it is not known what they need, and where between them the others belong.

        That is how many bytes of the former come before, and the check's place among the latter.
        """
        always: list[bytes] = []
        places: dict[Check, tuple[int, int]] = {}
        size = 0
        for check in self.checks:
            if check.needs or check.exact:
                places[check] = size, len(places)
                if check.unbounded:
                    places[check.unbounded] = places[check]
            else:
                always.append(check.records)
                size += len(check.records)
        return memoryview(b"".join(always)), places

    def only(self, needed: Set[Check]) -> bytearray:
        """Return the compiled checks without those of which it is known what they need, save the ``needed``."""
        always, places = self._always
        kept: list[Buffer] = []
        end = 0
        for check in sorted(needed, key=places.__getitem__):
            start, end = end, places[check][0]
            kept += always[start:end], check.records
        return _compiled([*kept, always[end:]])


def compiled_names(database: Database) -> bytearray:
    """Return the named parts of a database, compiled."""
    return _compiled([], database.named)


def _compiled(records: Sequence[Buffer], named: bytes = b"") -> bytearray:
    count = sum(map(len, records)) // _RECORD_BYTES
    header = _HEADER.pack(_MAGIC_NUMBER, _VERSION, count, len(named) // _RECORD_BYTES)
    # A megabyte, copied only once.
    return bytearray().join([header.ljust(_RECORD_BYTES, b"\0"), *records, named])


def parse(compiled: bytes) -> Database | None:
    """Return the checks of a compiled database, or None if it is not of the form that is known here."""
    if len(compiled) < _RECORD_BYTES:
        return None
    number, version, count, named = _HEADER.unpack_from(compiled)
    if (number, version, (1 + count + named) * _RECORD_BYTES) != (_MAGIC_NUMBER, _VERSION, len(compiled)):
        return None
    end = (1 + count) * _RECORD_BYTES
    starts = [at for at in range(_RECORD_BYTES, end, _RECORD_BYTES) if _RECORD.unpack_from(compiled, at)[0] == 0]
    if starts[:1] != [_RECORD_BYTES]:
        return None
    checks = (_check(compiled[start:stop]) for start, stop in zip(starts, [*starts[1:], end], strict=True))
    return Database(tuple(checks), compiled[end:])


def _check(records: bytes) -> Check:
    found = [_record(records, at) for at in range(0, len(records), _RECORD_BYTES)]
    first = found[0]
    # The parts of level 0 that are not known to need anything, and what often matches, are not worth a closer look.
    if first.relation != b"=" or first.is_relative or first.text in _OFTEN_MATCHING:
        return Check(records)
    exact = first.exact_bytes()
    if exact is not None:
        return Check(records, exact=exact, mask=first.mask)
    may_print = _may_print(found, 0)
    if first.kind == _SEARCH and _SHORT_SEARCH <= first.reach <= _REACH and first.fixed_text:
        return Check(records, first.fixed_text, may_print, None, b"", *_unbounded(records, found))
    python = first.as_python() if first.kind == _REGEX else None
    if python is None:
        return Check(records)
    fixed = longest_fixed_part(python).lower()
    return Check(records, fixed if len(fixed) > 1 else b"\n", may_print, None, b"", *_unbounded(records, found))


def _unbounded(records: bytes, found: list[_Record]) -> tuple[Check | None, tuple[Run, ...]]:
    """Return a check with expressions without bounds, and the runs of characters that must not be in a head for it."""
    written, runs = bytearray(records), []
    ends: dict[int, float] = {}
    for number, record in enumerate(found):
        # What a record looks at may begin where the one that it continues has matched.
        end = record.looks_until(ends.get(record.level - 1, inf) if record.is_relative else 0)
        ends[record.level] = end
        rewritten = without_bounds(record.text) if record.kind == _REGEX and end < HEAD_BYTES else None
        if rewritten:
            text, more = rewritten
            runs += more
            at = number * _RECORD_BYTES
            written[at + _LENGTH] = len(text)
            written[at + _VALUE.start : at + _VALUE.stop] = text.ljust(_VALUE_BYTES, b"\0")
    return (Check(bytes(written)) if runs else None), tuple(runs)


@dataclass(frozen=True)
class _Record:
    level: int
    relation: bytes
    kind: int
    offset: int
    reach: int  #: of a search, in bytes
    text_flags: int
    is_indirect: bool
    is_relative: bool  #: begins where the record of the level above has matched
    text: bytes  #: the value as the text that C takes it for
    exact: bytes  #: the bytes that a string or number is compared with, or empty if it is not that simple
    mask: bytes  #: the bits of them that count; empty for all
    fixed_text: bytes  #: what a search looks for, in lower case, or empty if it is not that simple
    prints: bool

    def exact_bytes(self) -> tuple[int, bytes] | None:
        """Return where which bytes must be for this record of level 0 to match, if it is as simple as that."""
        simple = self.exact and self.relation == b"=" and not self.is_indirect and not self.is_relative
        return (self.offset, self.exact) if simple and 0 <= self.offset <= _FURTHEST_EXACT else None

    def as_python(self) -> bytes | None:
        if not 0 <= self.offset <= _FURTHEST_OFFSET:
            return None
        at_start = self.offset == 0 and not self.is_relative
        return as_python(self.text, anchored=at_start, ended=at_start and not self.reach)

    def looks_until(self, start: float) -> float:
        """Return which place in a file this record looks at last, counted from where it may start to look at most."""
        reaches = {_REGEX: _REACH, _SEARCH: self.reach + _VALUE_BYTES, _STRING: _VALUE_BYTES}
        reaches |= {kind: size for kind, (size, _) in _NUMBERS.items()}
        if self.is_indirect or self.offset < 0 or self.kind not in reaches:
            return inf
        return start + self.offset + reaches[self.kind]

    def may_match(self) -> MayMatch | None:
        """Return what tells whether this record may match in a head, or None if nothing is known of that."""
        if self.relation != b"=" or self.is_indirect or (self.is_relative and self.level > 1):
            return None
        if self.kind == _SEARCH and self.reach <= _REACH and 0 <= self.offset <= _FURTHEST_OFFSET and self.fixed_text:
            return _contains(self.fixed_text)
        python = self.as_python() if self.kind == _REGEX else None
        if python is None:
            return None
        flags = re.IGNORECASE if self.text_flags & _IGNORE_CASE else 0
        searchers = [re.compile(branch, flags).search for branch in branches(without_long_repeats(python))]
        # The head begins with a line break. What libmagic looks at from the beginning of a file ends at a known place.
        end = HEAD_BYTES if self.is_relative else 1 + self.offset + _REACH
        return lambda head: any(search(head, 0, end) for search in searchers)


def _record(records: bytes, at: int) -> _Record:
    record = records[at : at + _RECORD_BYTES]
    level, flags, relation, length, kind, operation, condition, offset, reach, text_flags = _RECORD.unpack_from(record)
    value = record[_VALUE]
    exact, mask = b"", b""
    compared = not (operation or condition)
    if compared and kind == _STRING and not reach and not text_flags & ~_FOR_TEXT_OR_BINARY:
        exact = value[:length]
    elif compared and kind in _NUMBERS:
        exact = _as_in_file(kind, value)
        mask = _as_in_file(kind, struct.pack("<II", reach, text_flags)) if reach or text_flags else b""
    return _Record(
        level=level,
        relation=relation,
        kind=kind,
        offset=offset,
        reach=reach,
        text_flags=text_flags,
        is_indirect=bool(flags & _INDIRECT),
        is_relative=bool(flags & _RELATIVE),
        text=value.split(b"\0")[0],
        exact=exact,
        mask=mask,
        fixed_text=_fixed_text(value[:length], text_flags),
        prints=bool(record[_OUTPUT].strip(b"\0")) or kind in _CALLS,
    )


def _as_in_file(kind: int, number: bytes) -> bytes:
    """Return the bytes of a number in the order in which they must be in a file."""
    size, order = _NUMBERS[kind]
    return number[:size] if (order or sys.byteorder) == "little" else number[:size][::-1]


def _fixed_text(value: bytes, text_flags: int) -> bytes:
    """Return what must be in a file, in lower case, for a search to find a value, or nothing if it is too short."""
    if text_flags & _WHITE_SPACE_COMPACTED:
        value = max(value.split(), key=len, default=b"")
    return value.lower() if len(value) > 1 else b""


def _contains(text: bytes) -> MayMatch:
    return lambda head: text in head.lower()


def _always(head: bytes) -> bool:
    return bool(head)


def _may_print(records: list[_Record], at: int) -> MayMatch:
    """Return what tells whether the record at a place, or one that continues it, may match and print something."""
    record = records[at]
    may_match = record.may_match() or _always
    if record.prints:
        return may_match
    below: list[MayMatch] = []
    for place in range(at + 1, len(records)):
        if records[place].level <= record.level:
            break
        if records[place].level == record.level + 1:
            below.append(_may_print(records, place))
    return lambda head: may_match(head) and any(may_print(head) for may_print in below)
