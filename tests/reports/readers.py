"""Readers of formats that several tests use."""

from __future__ import annotations

from spdx_tools.spdx.model import Document
from spdx_tools.spdx.parser.tagvalue.tagvalue_parser import Parser as TagValueParser


def tag_values(text: bytes) -> Document:
    """Read SPDX tag-value as the SPDX tools do."""
    # By default this parser writes its tables and a log into site-packages, where two test processes meet.
    return TagValueParser(debug=False, write_tables=False).parse(text.decode())
