"""Texts and licence expressions as reports use them: pure functions, no state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

#: ScanCode's licence categories, those that ask most of the reader first. Names are ScanCode's own.
CATEGORIES = (
    "Commercial",
    "Proprietary Free",
    "Source-available",
    "Copyleft",
    "Copyleft Limited",
    "Free Restricted",
    "Patent License",
    "CLA",
    "Unstated License",
    "Unknown",
    "Permissive",
    "Public Domain",
)

_OPERATORS = frozenset(("AND", "OR", "WITH"))
_TOKEN = re.compile(r"[^\s()]+")
#: Code points that cannot be written as UTF-8, and NUL, at which SQLite's text functions stop.
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")

#: JSON escapes, or bytes, of such code points. Both halves of an emoji's escape are among them, which is harmless.
_MAY_NEED_CLEANING = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)|\xed[\xa0-\xbf]")


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0xA0 or 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}"


def clean(text: str) -> str:
    """Spell out what UTF-8 cannot hold: the byte FF of a file's name becomes the four characters ``\\xff``.

    Python hands bytes that are not UTF-8 on as lone surrogates (PEP 383). They would fail wherever the
    text is written: in a page, a mail or the store.
    """
    if text.isascii() and "\x00" not in text:
        return text
    return _UNWRITABLE.sub(_spell, text)


def clean_deep(value: Any) -> Any:
    """Return a JSON value with each text in it, keys too, cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_deep(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean_deep(item) for key, item in value.items()}
    return value


def clean_item(value: Any, text: bytes) -> Any:
    """Clean a JSON value, given its JSON text too: nearly always that shows, much faster, that nothing needs it."""
    # The expression takes six times longer to find nothing than the two searches for how its matches begin.
    may_need_it = (b"\\u" in text or b"\xed" in text) and _MAY_NEED_CLEANING.search(text)
    return clean_deep(value) if may_need_it else value


def license_keys(expression: str | None) -> list[str]:
    """Return the licence keys of an expression, each once, in its order.

    Expressions come from ScanCode, which has parsed and written them itself, so they are well formed and
    splitting them is enough (the parser of license-expression takes a hundred times longer).
    """
    found = dict.fromkeys(_TOKEN.findall(expression or ""))
    return [token for token in found if token.upper() not in _OPERATORS]


def to_spdx(expression: str | None, spdx_ids: Mapping[str, str]) -> str | None:
    """Write a ScanCode expression with SPDX ids; a key without one becomes ``LicenseRef-scancode-KEY``."""
    if not expression:
        return None

    def translate(match: re.Match[str]) -> str:
        token = match.group()
        if token.upper() in _OPERATORS:
            return token
        return spdx_ids.get(token) or f"LicenseRef-scancode-{token}"

    return _TOKEN.sub(translate, expression)


def by_weight(categories: Iterable[str]) -> list[str]:
    """Sort categories, each once, those that ask most of the reader first; unheard-of ones lead."""
    order = {name: number for number, name in enumerate(CATEGORIES)}
    return sorted(set(categories), key=lambda name: (order.get(name, -1), name))


#: Characters that XML 1.0 cannot hold, spelled out by ``xml_text``; line ends and tabs may stay.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
#: Whatever a reader of lines might take for the end of one, and the other control characters.
_NOT_IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """Spell out what an XML document, and so an XLSX one, must not hold."""
    return _NOT_IN_XML.sub(_spell, text)


def one_line(text: str) -> str:
    """Spell out control characters and line ends, so that a text stays on its line: for names of files."""
    return _NOT_IN_LINE.sub(_spell, text)


#: What hides, reorders or breaks the text around it: control characters, zero-width and bidirectional marks.
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """Show a stranger's text as it is: what would hide or reorder it becomes its code point in ⟨⟩."""
    return _INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def visible_lines(text: str) -> str:
    """Do the same to a text of several lines, which keeps its lines and tabs."""
    lines = text.replace("\r\n", "\n").replace("\f", "\n").split("\n")
    return "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in lines)


#: The parts of ScanCode's licence clarity score: what each asks, and the points that a yes gives.
CLARITY = {
    "declared_license": ("A licence is declared in a manifest, LICENSE or README file", 40),
    "identification_precision": ("The statements name known licences", 40),
    "has_license_text": ("The text of the licence is there", 10),
    "declared_copyrights": ("The copyright is stated where the licence is", 10),
    "conflicting_license_categories": ("Other files have licences of a conflicting category", -20),
    "ambiguous_compound_licensing": ("How several licences go together is not clear", -10),
}

#: Said beside the score where a package, such as a wheel, declares a licence and no key file does.
PACKAGES_ALONE = (
    "ScanCode scores the licences of key files only: a LICENSE, a readme or a manifest at the top. "
    "None of them states one here; the declared licence is what a package says."
)
