"""Read and decode a file once for all scanners, and split it into lines at once.

Stock reads the file, decodes each line and replaces escapes in it anew for each scanner. The result is the same here
because

- lines of bytes end at line feeds and carriage returns, which are in no other character of UTF-8: if all of a file is
  UTF-8 then each of its lines is, and the lines of the decoded whole are the decoded lines. Otherwise each line is
  decoded by itself, as in stock;
- what is replaced in lines (null bytes; a backslash and a letter) is never spread over two of them;
- the lines of the last file are kept as long as its device, inode, size and time of change are the same. Files of
  other kinds than text are left to stock, whose errors may come after the first lines.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import typecode
from textcode import analysis, markup

from scanner.engine.speedups import Replacement

_stock_numbered_text_lines = analysis.numbered_text_lines

#: What else ends a line for ``str.splitlines``.
_OTHER_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def _unicode_text_lines(location: str) -> Iterable[str]:
    """Return the lines of a file, with their ends, as text."""
    with open(location, "rb") as file:  # noqa: PTH123 - a location is a text, and this is done for each file.
        content = file.read()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return map(analysis.as_unicode, iter(content.splitlines(True)))
    return _Lines(text.replace("\0", " "))


class _Lines:
    """The lines of a text, with their ends, which are those of ``bytes.splitlines``."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __iter__(self) -> Iterator[str]:
        if not any(end in self.text for end in _OTHER_ENDS):
            return iter(self.text.splitlines(True))
        # Without translation, a text stream ends lines there, too; but it holds four bytes for each character.
        return io.StringIO(self.text, newline="")


def unicode_text_lines(location: str, decrlf: bool = False) -> Iterator[str]:
    """Return the lines of a file as text, with spaces for written-out line ends and tabs if ``decrlf``."""
    lines = analysis._unicode_text_lines(location)
    if not decrlf:
        return iter(lines)
    if isinstance(lines, _Lines):
        return iter(_Lines(analysis.remove_verbatim_cr_lf_tab_chars(lines.text)))
    return map(analysis.remove_verbatim_cr_lf_tab_chars, lines)


@dataclass
class _File:
    """The lines of the file that was asked for last, by what was asked."""

    location: str
    state: tuple[int, ...]
    lines: dict[tuple[bool, int], list[tuple[int, str]]] = field(default_factory=dict)


_last = _File("", ())


def numbered_text_lines(
    location: Any, demarkup: bool = False, plain_text: bool = False, start_line: int = 1
) -> Iterable[tuple[int, str]]:
    """Return an iterable of (line number, line) of a file, or of a sequence of lines."""
    if not location or not isinstance(location, str) or plain_text:
        return _stock_numbered_text_lines(location, demarkup, plain_text, start_line)
    kind = typecode.get_type(location)
    if not kind.is_text or kind.is_pdf:
        return _stock_numbered_text_lines(location, demarkup, plain_text, start_line)
    file = _file(location)
    # The lines of what is not markup are the same with and without it.
    demarkup = demarkup and markup.is_markup(location)
    asked = demarkup, start_line
    if asked not in file.lines:
        file.lines[asked] = list(_stock_numbered_text_lines(location, demarkup, False, start_line))
    return iter(file.lines[asked])


def _file(location: str) -> _File:
    global _last
    status = os.stat(location)  # noqa: PTH116 - as above.
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if (_last.location, _last.state) != (location, state):
        _last = _File(location, state)
    return _last


REPLACEMENTS = (
    Replacement("textcode.analysis", "_unicode_text_lines", "b72363cb3d0a542a", _unicode_text_lines),
    Replacement("textcode.analysis", "unicode_text_lines", "4dd312db233d0b1e", unicode_text_lines),
    Replacement(
        "textcode.analysis",
        "numbered_text_lines",
        "01f241dfee2f4bdc",
        numbered_text_lines,
        also_in=("licensedcode.tokenize",),
        relies_on={
            "textcode.analysis:as_unicode": "cd1081aa3997936b",
            "textcode.analysis:remove_null_bytes": "e85bd35f544eaa00",
            "textcode.analysis:remove_verbatim_cr_lf_tab_chars": "c3c498241b395156",
            "textcode.analysis:replace_verbatim_cr_lf_chars": "637bc24028815d58",
        },
    ),
)
