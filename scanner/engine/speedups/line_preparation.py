"""Prepare a line for copyright detection, and skip the replacements that cannot apply to it.

Stock ``prepare_text_line`` does some hundred replacements on each line and takes it apart at each space to look for
markup. The result is the same here because each replacement is left out only where a character that it needs is not in
the line at that very moment, so that it would have changed nothing, or where it can no longer apply because an earlier
one has taken away what it looks for: ``#``, ``%``, ``*`` and ``"`` are gone by then.

Markup is cut out word by word; a word that has none of the characters of a tag or of a skipped attribute is kept by
``keep_tag``, and all words kept means that only white space is normalised. The expression that finds tags is stock's,
written so that no run of spaces can be read in two ways: stock needs time in the square of a run of spaces after "<".
"""

from __future__ import annotations

import re

from cluecode import copyrights
from commoncode.text import toascii
from textcode import markup

from scanner.engine.speedups import Replacement

#: Tokens of markup remembered, before starting anew.
TOKENS_REMEMBERED = 50_000

_COPYRIGHT_SIGN = " (c) "
_may_have_markup = re.compile(
    r"[<>]|mailto:|(?:href|class|width|xmlns|lang)=|@end|@group|xml(?:ns)?:|w3\.org", re.I
).search
#: A cheap test before the dear one: each thing that ``_may_have_markup`` looks for has one of these, or "w3.org".
_needs_sign = re.compile(r"[<>=:@]").search
_split_on_tags = re.compile(
    r"("
    r"<https?://[^<>\"\']+>"
    r"|<www[^<>\"\']+>"
    r"|< *(?:/ *)?[a-z]+[a-z0-9@\-\._\+]* *(?:/ *)?>?"
    r"|mailto:"
    r"|>"
    r"| "
    r")",
    re.IGNORECASE,
).split

_kept: dict[str, bool] = {}


def _is_kept(token: str) -> bool:
    """Return what ``keep_tag`` says of a token."""
    try:
        return _kept[token]
    except KeyError:
        pass
    if len(_kept) >= TOKENS_REMEMBERED:
        _kept.clear()
    kept = markup.keep_tag(token)
    if len(token) < 100:
        _kept[token] = kept
    return kept


def strip_known_markup_from_text(text: str) -> str:
    """Return the text without known markup tags, white space normalised."""
    if _needs_sign(text) and _may_have_markup(text):
        text = "".join([token if _is_kept(token) else " " for token in _split_on_tags(text)])
    return " ".join(text.split())


def _replace(line: str, table: tuple[tuple[str, str], ...]) -> str:
    for old, new in table:
        line = line.replace(old, new)
    return line


_MAN_PAGE_SIGNS = (("\\\\ co", " "), ("\\ co", " "), ("(co ", " "))
_PARENTHESISED = (("( C)", _COPYRIGHT_SIGN), ("(C)", _COPYRIGHT_SIGN), ("(c)", _COPYRIGHT_SIGN))
_SIGNS = (("( © )", _COPYRIGHT_SIGN), ("(©)", _COPYRIGHT_SIGN), ("(© )", _COPYRIGHT_SIGN), ("( ©)", _COPYRIGHT_SIGN),
          ("©", _COPYRIGHT_SIGN))  # fmt: skip
_NAMED_SIGNS = (("&copy;", _COPYRIGHT_SIGN), ("&copy", _COPYRIGHT_SIGN))
_HEX_SIGNS = tuple(
    (sign, _COPYRIGHT_SIGN)
    for sign in ("u00A9", "u00a9", "\\XA9", "\\A9", "\\a9", "<A9>", "XA9;", "Xa9;", "xA9;", "xa9;")
)
#: In stock's order; those with "#" in them cannot be there any more.
_ENTITIES = (
    ("&ensp;", " "), ("&emsp;", " "), ("&thinsp;", " "), ("&quot;", '"'), ("&amp;", "&"), ("&gt;", ">"), ("&gt", ">"),
    ("&lt;", "<"), ("&lt", "<"),
)  # fmt: skip
_PLACEHOLDERS = (("<http", " http"), ("<insert ", " "), ("year>", " "), ("<year>", " "), ("<name>", " "))
_ESCAPES = (("\\t", " "), ("\\n", " "), ("\\r", " "), ("\\0", " "), ("\\", " "))
_DEBIAN_TAGS = (("</s>", ""), ("<s>", ""), ("<s/>", ""))


def prepare_text_line(line: str) -> str:
    """Return a line as ASCII text without comment markers, markup and decorations."""
    if "\\" in line or "(co " in line:
        line = _replace(line, _MAN_PAGE_SIGNS)
    line = _without_comment_markers(line)
    line = _with_plain_signs(line)
    if "&" in line:
        line = _replace(line, _ENTITIES)
    line = _without_quotes_and_placeholders(line)
    line = strip_known_markup_from_text(line)
    if "[" in line or "]" in line or "{" in line or "}" in line:
        line = copyrights.remove_punctuation(" ", line)
    line = line.replace(" , ", ", ")
    if ">" in line or "<" in line:
        line = line.replace(">", "> ").replace("<", " <")
    if not line.isascii():
        line = toascii(line, translit=True)
    return " ".join(line.strip(" *").split())


def _without_comment_markers(line: str) -> str:
    if "%" in line or "#" in line:
        line = copyrights.remove_printf_format_codes(" ", line)
    if line[:1] in ("r", "@", "d"):
        line = copyrights.remove_weird_comment_markers(" ", line)
    if '."' in line:
        line = copyrights.remove_man_comment_markers(" ", line)
    return copyrights.remove_code_comment_markers(line)


def _with_plain_signs(line: str) -> str:
    """Write all copyright signs as "(c)", and a long dash as a short one."""
    if "|" in line:
        line = line.replace("|copy|", _COPYRIGHT_SIGN).replace("|", " ")
    if '"C' in line:
        line = line.replace('"Copyright', '" Copyright')
    if "(" in line:
        line = _replace(line, _PARENTHESISED)
    if "©" in line:
        line = _replace(line, _SIGNS)
    if "&" in line:
        line = _replace(line, _NAMED_SIGNS)
    if "9" in line:
        line = _replace(line, _HEX_SIGNS)
    if not line.isascii():
        line = line.replace("\xc2", "").replace("–", "-")
    return line.replace("\\xc2", "")


def _without_quotes_and_placeholders(line: str) -> str:
    line = line.replace("`", "'").replace('"', "'").replace(" u'", " '")
    if not line.isascii():
        line = line.replace("§", " ")
    if "<" in line or ">" in line:
        line = _replace(line, _PLACEHOLDERS)
    if "\\" in line:
        line = _replace(line, _ESCAPES)
    if "')" in line:
        line = line.replace("')", " ")
    if "]" in line:
        line = line.replace("],", " ")
    if "<" in line:
        line = _replace(line, _DEBIAN_TAGS)
    return line


REPLACEMENTS = (
    Replacement(
        "textcode.markup",
        "strip_known_markup_from_text",
        "ecfeedd53a6d0f33",
        strip_known_markup_from_text,
        also_in=("cluecode.copyrights",),
        relies_on={"textcode.markup:": "86e4b7a6672ada08"},
    ),
    Replacement(
        "cluecode.copyrights",
        "prepare_text_line",
        "254f44f5895ac34f",
        prepare_text_line,
        also_in=("packagedcode.win_pe",),
        relies_on={
            "cluecode.copyrights:remove_code_comment_markers": "b12da433c7d1029d",
            "commoncode.text:": "9f8eae332422dfe1",
            "textcode.markup:": "86e4b7a6672ada08",
        },
    ),
)
