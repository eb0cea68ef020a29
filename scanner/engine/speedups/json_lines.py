"""Write a report as JSON Lines one file at a time, with the encoder in C, and without copies of what is written.

Stock makes a list of all files of the codebase and writes it in pieces as small as a comma, by the encoder in Python.
The text is the same because the encoder in C writes what the one in Python does, and because a resource that is written
at once may be the codebase's own (``resources.stored``, ``resource_data.uncopied``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.resource_data import other, uncopied
from scanner.engine.speedups.resources import stored

_encode = json.JSONEncoder(separators=(",", ":"), default=other).encode


def write_lines(_self: Any, codebase: Any, output_json_lines: TextIO, **kwargs: Any) -> None:
    """Write a codebase as JSON Lines: headers, each further attribute that is not empty, and each file."""
    codebase.add_files_count_to_current_header()
    parts = {"headers": codebase.get_headers()}
    parts |= {name: value for name, value in codebase.attributes.to_dict().items() if value}
    for name, value in parts.items():
        output_json_lines.write(_encode({name: value}) + "\n")
    for file in _files(codebase, **kwargs):
        output_json_lines.write(_encode({"files": [file]}) + "\n")


def _files(codebase: Any, **kwargs: Any) -> Iterator[dict[str, Any]]:
    """Yield what ``OutputPlugin.get_files`` does, to be written before the next is asked for."""
    with_timing = kwargs.get("timing", False)
    with_info = bool(kwargs.get("info") or getattr(codebase, "with_info", False))
    full_root = kwargs.get("full_root", False)
    strip_root = kwargs.get("strip_root", False) and not codebase.has_single_resource
    for resource in stored(codebase):
        # As ``walk`` does with ``skip_root``: a root without children is there all the same.
        is_skipped = strip_root and resource.is_root and resource.children_names
        if not is_skipped and not resource.is_filtered:
            yield uncopied(resource, with_timing, with_info, full_root, strip_root)


REPLACEMENTS = (
    Replacement(
        "formattedcode.output_jsonlines",
        "JsonLinesOutput.process_codebase",
        "ffd7aa11470f3e42",
        write_lines,
        relies_on={"plugincode.output:OutputPlugin.get_files": "948dc472b36a8cdc"},
    ),
)
