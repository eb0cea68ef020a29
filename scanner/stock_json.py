"""The two ways in which ScanCode writes a report: as JSON Lines, a part or a file in each, and as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

#: The parts of a report in ScanCode's order, but for the files, which end it; each with what JSON has where ScanCode
#: found nothing. JSON Lines leave that out.
PARTS: dict[str, Any] = {
    "headers": [],
    "summary": {},
    "packages": [],
    "dependencies": [],
    "license_detections": [],
    "tallies": {},
    "license_references": [],
    "license_rule_references": [],
}
#: How the line of a file begins and ends.
FILE, FILE_END = b'{"files":[', b"]}\n"


def as_json(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield JSON of what JSON Lines say, in pieces: each part and each file is in a line of its own.

    ``lines`` are as ScanCode writes them, files last; what is in them is taken as it is, and one of them at a time is
    held of the files.
    """
    parts = {name: f'"{name}":{json.dumps(nothing)}'.encode() for name, nothing in PARTS.items()}
    left = iter(lines)
    file = b""
    for line in left:
        if line.startswith(FILE):
            file = line
            break
        parts[line[2 : line.index(b'"', 2)].decode()] = line[1:-2]
    yield b"{\n" + b",\n".join([*parts.values(), b'"files":['])
    between = b"\n"
    while file:
        yield between + file[len(FILE) : -len(FILE_END)]
        between = b",\n"
        file = next(left, b"")
    yield b"\n]}\n"
