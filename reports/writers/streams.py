"""Writing large JSON documents piece by piece."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, TextIO


@contextmanager
def as_text(out: BinaryIO, newline: str = "\n") -> Iterator[TextIO]:
    """Give a text stream that writes UTF-8 to ``out`` and leaves it open."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline=newline)
    try:
        yield text
    finally:
        text.detach()


def write_json(out: BinaryIO, document: Mapping[str, Any]) -> None:
    """Write a JSON object; members that are iterators become arrays, one item to a line, read as they are written."""
    with as_text(out) as text:
        text.write("{")
        for number, (name, value) in enumerate(document.items()):
            text.write(",\n" if number else "\n")
            text.write(json.dumps(name) + ": ")
            if isinstance(value, Iterator):
                _write_array(text, value)
            else:
                text.write(json.dumps(value, ensure_ascii=False))
        text.write("\n}\n")


def _write_array(text: TextIO, items: Iterator[Any]) -> None:
    text.write("[")
    for number, item in enumerate(items):
        text.write(",\n" if number else "\n")
        text.write(json.dumps(item, ensure_ascii=False))
    text.write("\n]")
