"""HTML that needs nothing else: no script, no other file, no other host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from reports.words import visible, visible_lines
from reports.writers.streams import as_text

_TEMPLATES = Path(__file__).parent / "templates"


def web_link(url: str) -> str:
    """Return the address if a page may link to it, else ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc and url == visible(url) else ""


def render(template: str, out: BinaryIO, values: Mapping[str, Any]) -> None:
    """Write a template, piece by piece: what is an iterator in ``values`` is read as it is written."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "visible_lines": visible_lines, "web_link": web_link}
    pieces = environment.get_template(template).stream(values)
    pieces.enable_buffering(100)
    with as_text(out) as text:
        text.writelines(pieces)
