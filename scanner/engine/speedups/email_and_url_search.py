"""Search for emails and URLs only in lines that have what each of them must have.

Stock runs its expressions on each line. The result is the same because an email needs a "@", and a URL "://", "@", or
"www." or "ftp." in any case; other lines have no match, and with other expressions stock does the work. (Python takes
a few characters beyond ASCII for letters when it ignores case, the sign for Kelvin for a "k", but none for those here.)

In long lines stock needs time in the square of the length to find emails, and is given up on: each place in a run of
letters, digits, dots and dashes is tried as a beginning, up to the end of the run. Here the search begins at each "@".
A match has the longest run before it that stands at a word boundary and does not reach into the match before; what is
after it does not depend on where it begins. Likewise a URL like git@host:name.git goes up to the last ".git" before
white space, past the last ":" before that, wherever it begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cluecode import finder
from commoncode.text import toascii
from textcode import analysis

from scanner.engine.speedups import Replacement

_stock_find = finder.find

#: From this length on, in characters, an email is searched for from its "@".
LONG_LINE = 500

_EMAIL = finder.emails_regex().pattern
_URL = finder.urls_regex().pattern
_LOCAL, _DOMAIN = _EMAIL.removeprefix("\\b").split("@")
_domain = re.compile("@" + _DOMAIN, re.IGNORECASE).match
#: All characters that the expression takes before the "@"; those beyond ASCII are what "i", "s" and "k" are matched to.
_LOCAL_CHARACTERS = frozenset(
    filter(
        re.compile(_LOCAL.removesuffix("+"), re.IGNORECASE).match, [*map(chr, range(128)), *"\u0130\u0131\u017f\u212a"]
    )
)
_word_boundary = re.compile(r"\b").match


def emails_in(line: str) -> list[str]:
    """Return what the expression for emails finds in a line, in time in proportion to its length."""
    found = []
    end = 0
    at = line.find("@")
    while at >= 0:
        start = _local_start(line, end, at)
        match = _domain(line, at) if start < at else None
        if match:
            end = match.end()
            found.append(line[start:end])
        at = line.find("@", max(end, at + 1))
    return found


def _local_start(line: str, end: int, at: int) -> int:
    """Return where the longest run before ``at`` begins that can begin an email, not before ``end``."""
    start = at
    while start > end and line[start - 1] in _LOCAL_CHARACTERS:
        start -= 1
    while start < at and not _word_boundary(line, start):
        start += 1
    return start


def _emails(pattern: re.Pattern[str], line: str) -> list[str]:
    if "@" not in line:
        return []
    return emails_in(line) if len(line) > LONG_LINE else pattern.findall(line)


#: The kinds of URLs without "git@", and what ends any.
_plain_url = re.compile(
    rf"(?:{finder.schemes})://{finder.url_body}+|(?:www|ftp)\.{finder.url_body}+", re.IGNORECASE
).search
_git_start = re.compile("git@", re.IGNORECASE).search
_git_ends = re.compile(r"\.git", re.IGNORECASE).finditer
_end_of_url = re.compile(r"[\s<>\[\]\"]").search


def urls_in(line: str) -> list[str]:
    """Return what the expression for URLs finds in a line, in time in proportion to its length."""
    found = []
    plain, git = _plain_url(line), _git_start(line)
    run_end = last_git = last_colon = -1
    while plain or git:
        if git and (not plain or git.start() < plain.start()):
            if git.end() > run_end:
                delimiter = _end_of_url(line, git.end())
                run_end = delimiter.start() if delimiter else len(line)
                last_git = max((match.start() for match in _git_ends(line, git.end(), run_end)), default=-1)
                last_colon = line.rfind(":", git.end(), max(last_git - 1, 0))
            end = git.start() + 1
            # There is at least one character between "git@", ":" and ".git".
            if last_colon > git.end():
                end = last_git + len(".git")
                found.append(line[git.start() : end])
        elif plain:
            found.append(plain.group())
            end = plain.end()
        plain = _plain_url(line, end) if plain and plain.start() < end else plain
        git = _git_start(line, end) if git and git.start() < end else git
    return found


def _urls(pattern: re.Pattern[str], line: str) -> list[str]:
    if "@" in line and len(line) > LONG_LINE:
        return urls_in(line)
    if "://" in line or "@" in line:
        return pattern.findall(line)
    if "." in line:
        lowered = line.lower()
        if "www." in lowered or "ftp." in lowered:
            return pattern.findall(line)
    return []


_SEARCHES: dict[str, Callable[[re.Pattern[str], str], list[str]]] = {_EMAIL: _emails, _URL: _urls}


def find(location: Any, patterns: Sequence[tuple[Any, re.Pattern[str]]]) -> Iterable[tuple[Any, str, str, int]]:
    """Return an iterable of (key, found text, line, line number) of all matches of patterns in a file or in lines."""
    if len(patterns) == 1:
        key, pattern = patterns[0]
        search = _SEARCHES.get(pattern.pattern)
        if search and pattern.flags & re.IGNORECASE:
            return _find(location, key, pattern, search)
    return _stock_find(location, patterns)


def _find(
    location: Any, key: Any, pattern: re.Pattern[str], search: Callable[[re.Pattern[str], str], list[str]]
) -> Iterator[tuple[Any, str, str, int]]:
    for number, line in analysis.numbered_text_lines(location, demarkup=False):
        for found in search(pattern, line):
            yield key, toascii(found), line, number


REPLACEMENTS = (
    Replacement(
        "cluecode.finder",
        "find",
        "b11245140dca68dd",
        find,
        relies_on={
            "cluecode.finder:emails_regex": "d4511b4db46ce89e",
            "cluecode.finder:urls_regex": "2621e4322a922a53",
        },
    ),
)
