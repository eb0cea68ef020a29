"""Compute by counting in C what tells binary from text.

Stock's ``is_binary_string`` walks the first 512 bytes of a file five times in Python, tries nine encodings on them,
and puts all 24 numbers into a log line that nobody reads, twice for each file. The numbers are the same here: the
counts are whole numbers, however they are counted; the entropy is summed up over the same bytes in the same order. The
bytes that were last asked for are remembered with the answer.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from binaryornot import helpers
from binaryornot.tree import is_binary

from scanner.engine.speedups import Replacement

_CONTROL = bytes(helpers._CONTROL_BYTES)
_PRINTABLE = bytes(range(0x20, 0x7F))
_HIGH = bytes(range(0x80, 0x100))
_printable_runs = re.compile(rb"[\x20-\x7e\t\n\r]+").findall


def _decodes(chunk: bytes, encoding: str) -> float:
    try:
        chunk.decode(encoding)
    except ValueError:
        return 0.0
    return 1.0


def features(chunk: bytes) -> list[float]:
    """Return the numbers of ``helpers._compute_features`` for some bytes, at least one."""
    size = len(chunk)
    entropy = 0.0
    for byte in sorted(set(chunk)):
        share = chunk.count(byte) / size
        entropy -= share * math.log2(share)
    odd_total = size // 2
    decodes = [_decodes(chunk, name) for name in ("gb2312", "big5", "shift_jis", "euc-jp", "euc-kr")]
    wide = [_decodes(chunk, name) for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")]
    is_utf32le = chunk[:4] == b"\xff\xfe\x00\x00"
    return [
        chunk.count(0) / size,
        (size - len(chunk.translate(None, _CONTROL))) / size,
        (size - len(chunk.translate(None, _PRINTABLE))) / size,
        (size - len(chunk.translate(None, _HIGH))) / size,
        _decodes(chunk, "utf-8"),
        chunk[::2].count(0) / ((size + 1) // 2),
        chunk[1::2].count(0) / odd_total if odd_total else 0,
        entropy,
        float(is_utf32le),
        float(chunk[:4] == b"\x00\x00\xfe\xff"),
        float(chunk[:2] == b"\xff\xfe" and not is_utf32le),
        float(chunk[:2] == b"\xfe\xff"),
        float(chunk[:3] == b"\xef\xbb\xbf"),
        *(wide[:2] if size >= 10 else (0.0, 0.0)),
        *(wide[2:] if size >= 16 else (0.0, 0.0)),
        max(map(len, _printable_runs(chunk)), default=0) / size,
        *(decodes if size >= 10 else (0.0,) * 5),
        float(helpers._has_known_binary_signature(chunk)),
    ]


@lru_cache(16)
def is_binary_string(bytes_to_check: bytes) -> bool:
    """Tell whether some bytes appear to be binary."""
    if not bytes_to_check:
        return False
    return helpers._has_known_binary_signature(bytes_to_check) or is_binary(features(bytes_to_check))


REPLACEMENTS = (
    Replacement(
        "binaryornot.helpers",
        "is_binary_string",
        "f48aa7ab7a770efe",
        is_binary_string,
        also_in=("typecode.contenttype", "binaryornot.check"),
        relies_on={
            "binaryornot.helpers:_compute_features": "fb8c9f5fa3f02108",
            "binaryornot.helpers:_has_known_binary_signature": "b9ab5ef5a8bf8c1b",
        },
    ),
)
