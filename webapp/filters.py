"""How values look on pages: numbers, sizes, times, names made by strangers, licence categories."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, request, url_for
from markupsafe import Markup

from reports import words
from scanner import limits

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Category:
    """One of ScanCode's licence categories, as pages tell it: by word, by colour and by shape."""

    name: str
    slug: str  #: names the colour and the shape in report.css
    meaning: str


_CATEGORIES = (
    Category("Commercial", "commercial", "needs an agreement with its owner"),
    Category("Proprietary Free", "proprietary", "costs nothing, but is not open source"),
    Category("Source-available", "available", "the source can be read, but its use is limited"),
    Category("Copyleft", "copyleft", "works made with it have to carry the same licence"),
    Category("Copyleft Limited", "limited", "changes to it have to carry the same licence"),
    Category("Free Restricted", "restricted", "free of charge, with limits on what it may be used for"),
    Category("Patent License", "patent", "speaks of patents"),
    Category("CLA", "cla", "an agreement between contributors and the project"),
    Category("Unstated License", "unstated", "speaks of licensing without naming a licence"),
    Category("Permissive", "permissive", "may be used for nearly anything as long as its notice is kept"),
    Category("Public Domain", "public", "few or no rights are reserved"),
)
CATEGORIES = {category.name: category for category in _CATEGORIES}

_UNKNOWN = Category("Unknown", "unknown", "ScanCode does not know what it asks")


def category(name: str | None) -> Category:
    """Return the category of that name; never fails, ScanCode may come to know more of them than we do."""
    return CATEGORIES.get(name or "") or replace(_UNKNOWN, name=name or _UNKNOWN.name)


def number(value: float | None) -> str:
    """Write a whole number with its thousands set apart; an unknown one is a dash."""
    return "–" if value is None else f"{int(value):,}"


def counted(value: int | None, singular: str, plural: str | None = None) -> str:
    """Write a number with the word for what is counted: "1 file", "1,200 files", "no files"."""
    word = singular if value == 1 else plural or f"{singular}s"
    return f"{number(value) if value else 'no'} {word}"


def size(value: float | None) -> str:
    """Write a number of bytes for people; an unknown one is a dash."""
    return "–" if value is None else limits.size(value)


def duration(seconds: float | None) -> str:
    """Write a measured time: "0.4 s", "12 s", "3 min 20 s", "2 h 5 min"."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = whole // 60
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def estimate(seconds: float | None) -> str:
    """Write a guessed time as roughly as it is known: "a few seconds", "about 40 seconds", "about 3 minutes"."""
    if seconds is None:
        return ""
    if seconds < 5:
        return "a few seconds"
    if seconds < 55:
        return f"about {math.ceil(seconds / 5) * 5} seconds"
    minutes = round(seconds / 60)
    if minutes < 90:
        return "about a minute" if minutes <= 1 else f"about {minutes} minutes"
    return f"about {counted(round(minutes / 60), 'hour')}"


def moment(when: datetime | None) -> Markup:
    """Write a moment as a ``<time>``: in UTC, for the site does not know where its reader is."""
    if when is None:
        return Markup("–")
    when = _in_utc(when)
    return Markup('<time datetime="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), f"{when.day} {when:%b %Y, %H:%M} UTC"
    )


def day(when: datetime | None) -> Markup:
    """Write the day of a moment, in UTC."""
    if when is None:
        return Markup("–")
    when = _in_utc(when)
    return Markup('<time datetime="{}">{}</time>').format(f"{when:%Y-%m-%d}", f"{when.day} {when:%b %Y}")


def ago(when: datetime | None) -> Markup:
    """Write how long ago a moment is, as a ``<time>`` that site.js keeps true."""
    if when is None:
        return Markup("–")
    when = _in_utc(when)
    passed = max(0, int((datetime.now(UTC) - when).total_seconds()))
    if passed < 60:
        words = f"{passed} s ago"
    elif passed < 3600:
        words = f"{passed // 60} min ago"
    elif passed < 86400:
        words = f"{passed // 3600} h ago"
    else:
        words = f"{counted(passed // 86400, 'day')} ago"
    return Markup('<time class="ago" datetime="{}">{}</time>').format(when.isoformat(timespec="seconds"), words)


def _in_utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def half_hidden(address: str | None) -> str:
    """Write a mail address so that its owner knows it and nobody else learns it: "y••@example.org"."""
    local, _, domain = (address or "").rpartition("@")
    return f"{local[:1]}••@{domain}" if local else ""


def visible(text: str | None) -> str:
    """Show a stranger's text as it is: see ``reports.words.visible``."""
    return words.visible(text or "")


def visible_lines(text: str | None) -> str:
    """Show a stranger's text of several lines: see ``reports.words.visible_lines``."""
    return words.visible_lines(text or "")


def path(text: str | None) -> Markup:
    """Write a path or an address in the direction of its letters, so that lines break after its slashes."""
    return Markup('<bdi class="path">{}</bdi>').format(Markup("/<wbr>").join(visible(text).split("/")))


def web_link(url: str | None) -> str | None:
    """Return the address if a page may link to it: http and https only, for a stranger wrote it."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc and visible(url) == url else None


def percentage(part: float | None, whole: float | None) -> int:
    """Return how many hundredths of the whole the part is, 0 to 100; 100 only when nothing is missing."""
    if not whole or not part:
        return 0
    return max(0, min(100, math.floor(100 * part / whole)))


def filter_values(filters: Any) -> dict[str, str]:
    """Return the filters that are set, as they stand in an address."""
    return {name: "1" if value is True else value for name, value in asdict(filters).items() if value}


def page_url(number: int) -> str:
    """Return the address of another page of the list that is shown, with all that stands in this one's."""
    values = {name: value for name, value in request.args.items() if name != "page"}
    if number > 1:
        values["page"] = str(number)
    query = urlencode(values, errors="replace")
    return url_for(request.endpoint or "pages.start", **(request.view_args or {})) + (f"?{query}" if query else "")


@cache
def _digest(filename: str) -> str:
    return hashlib.sha256((STATIC / filename).read_bytes()).hexdigest()[:12]


def asset(filename: str) -> str:
    """Return the address of a static file; it changes with the file, so browsers may keep it for ever."""
    return url_for("static", filename=filename, v=_digest(filename))


def register(app: Flask) -> None:
    """Give the templates these filters and functions."""
    for filter_ in (
        category,
        number,
        counted,
        size,
        duration,
        estimate,
        moment,
        day,
        ago,
        half_hidden,
        visible,
        visible_lines,
        path,
        web_link,
        filter_values,
        percentage,
    ):
        app.add_template_filter(filter_)
    app.add_template_global(asset)
    app.add_template_global(page_url)
    app.add_template_global(_CATEGORIES, "categories")  # type: ignore[arg-type]
