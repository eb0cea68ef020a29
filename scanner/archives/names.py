"""Names inside archives: what is refused, and how the rest is written to disk.

A name is kept as it is if it is UTF-8 of visible characters. All else in it is written in braces: a byte that is not
UTF-8 as ``{0xE9}``; a character that controls the terminal or the direction of writing, and the backslash (which
ScanCode takes for a separator), as ``{U+202E}``. An opening brace in front of what looks like one of these is itself
written ``{U+007B}``, so ``unescaped`` gives the archive's own bytes back.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from scanner.errors import ArchiveRefused

#: Control characters; invisible, joining and direction marks; line and paragraph separators; lone surrogates cannot
#: occur in UTF-8. U+200C and U+200D stay: Persian, Indian scripts and emoji need them.
_INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(rf"[\\{_INVISIBLE}\udc80-\udcff]|\{{(?=0x[0-9A-F]{{2}}\}}|U\+[0-9A-F]{{4,6}}\}})")
_ESCAPED = re.compile(r"\{0x([0-9A-F]{2})\}|\{U\+([0-9A-F]{4,6})\}")
_DRIVE = re.compile(rb"[A-Za-z]:(?:[\\/]|$)")
#: Longest part of a name, such as ".tar.gz", that is kept where a name must be cut.
_LONGEST_SUFFIX = 20


def parts(name: bytes) -> tuple[str, ...]:
    """Return the folders and the file that an archive's name stands for, fit to be written.

    "." and empty parts are dropped, so the archive's own top is ``()``. Raises ArchiveRefused for names that point out
    of the folder in which the archive is opened, on any system.
    """
    if b"\0" in name:
        raise ArchiveRefused(f"A name in the archive has a NUL character in it: {shown(name)}.")
    if name.startswith((b"/", b"\\")) or _DRIVE.match(name):
        raise ArchiveRefused(f"A name in the archive is absolute: {shown(name)}.")
    if b".." in name and b".." in re.split(rb"[/\\]", name):
        raise ArchiveRefused(f"A name in the archive points out of its folder: {shown(name)}.")
    return tuple(escaped(part) for part in name.split(b"/") if part not in (b"", b"."))


@lru_cache(1_000)
def escaped(part: bytes) -> str:
    """Return one part of a path in visible UTF-8. Bytes that are fine come back unchanged."""
    text = part.decode("utf-8", "surrogateescape")
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"{{0x{code - 0xDC00:02X}}}" if 0xDC80 <= code <= 0xDCFF else f"{{U+{code:04X}}}"


def unescaped(part: str) -> bytes:
    """Return the bytes that ``escaped`` made this of."""

    def plain(match: re.Match[str]) -> str:
        return chr(0xDC00 + int(match[1], 16)) if match[1] else chr(int(match[2], 16))

    return _ESCAPED.sub(plain, part).encode("utf-8", "surrogateescape")


def fitting(part: str, limit: int) -> str:
    """Return the part cut to ``limit`` bytes of UTF-8, with a digest of the whole so that it stays unique."""
    encoded = part.encode()
    if len(encoded) <= limit:
        return part
    stem, suffix = split_suffix(part)
    tail = "~" + hashlib.sha256(encoded).hexdigest()[:16] + suffix
    head = stem.encode()[: max(limit - len(tail.encode()), 0)].decode("utf-8", "ignore")
    return head + tail


def numbered(part: str, number: int) -> str:
    """Return "name_2.ext" for "name.ext": how extractcode names the second of two files with one name."""
    stem, suffix = split_suffix(part)
    return f"{stem}_{number}{suffix}"


def split_suffix(part: str) -> tuple[str, str]:
    """Return ("name", ".tar.gz") for "name.tar.gz"; the suffix is empty where there is none or it is long."""
    dot = part.find(".", max(1, len(part) - _LONGEST_SUFFIX))
    return (part, "") if dot < 0 else (part[:dot], part[dot:])


def shown(name: bytes) -> str:
    """Return an archive's own name for a sentence: escaped, in quotation marks, and cut if it is long."""
    return quoted(escaped(name))


def quoted(text: str, longest: int = 120) -> str:
    """Return a name that is escaped already in quotation marks, cut in the middle if it is long."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-longest // 2 :]}"
    return f"“{text}”"
