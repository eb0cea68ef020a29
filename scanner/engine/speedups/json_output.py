"""Write a report as JSON one file at a time, with the encoder in C, and without copies of what is written.

Stock makes a list of all files of the codebase and writes it in pieces as small as a comma, by the encoder in Python.
The text is the same because the encoder in C writes what the one in Python does, because a list is its items with
", " between them in brackets, and because a resource that is written at once may be the codebase's own
(``resources.stored``, ``resource_data.uncopied``). The options that ask for indented JSON are left to stock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from formattedcode import output_json

from scanner.engine.speedups import Replacement
from scanner.engine.speedups.resource_data import other, uncopied
from scanner.engine.speedups.resources import stored

_stock_write_results = output_json.write_results
_encode = json.JSONEncoder(default=other).encode
_encode_line = json.JSONEncoder(separators=(",", ":"), default=other).encode


def write_results(codebase: Any, output_file: Any, pretty: bool = False, **kwargs: Any) -> None:
    """Write headers, further attributes and files of a codebase to a file, given open or by its path."""
    if pretty or isinstance(output_file, str):
        _stock_write_results(codebase, output_file, pretty=pretty, **kwargs)
        return
    codebase.add_files_count_to_current_header()
    output_file.write('{"headers": ' + _encode(codebase.get_headers()))
    if codebase.attributes:
        for key, value in codebase.attributes.to_dict().items():
            output_file.write(f", {_encode(key)}: ")
            _write(value, output_file)
    output_file.write(', "files": ')
    _write_list(_files(codebase, **kwargs), output_file)
    output_file.write("}")


def write_lines(_self: Any, codebase: Any, output_json_lines: TextIO, **kwargs: Any) -> None:
    """Write a codebase as JSON Lines: headers, each further attribute that is not empty, and each file."""
    codebase.add_files_count_to_current_header()
    parts = {"headers": codebase.get_headers()}
    parts |= {name: value for name, value in codebase.attributes.to_dict().items() if value}
    for name, value in parts.items():
        output_json_lines.write(_encode_line({name: value}) + "\n")
    for file in _files(codebase, **kwargs):
        output_json_lines.write(_encode_line({"files": [file]}) + "\n")


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


def _write(value: Any, file: TextIO) -> None:
    if isinstance(value, list):
        _write_list(value, file)
    else:
        file.write(_encode(value))


def _write_list(items: Iterable[Any], file: TextIO) -> None:
    between = "["
    for item in items:
        file.write(between + _encode(item))
        between = ", "
    file.write("[]" if between == "[" else "]")


REPLACEMENTS = (
    Replacement(
        "formattedcode.output_json",
        "write_results",
        "ff35b38a8cf1e89e",
        write_results,
        relies_on={"jsonstreams:": "7dcd59e38d4d8f37", "plugincode.output:OutputPlugin.get_files": "948dc472b36a8cdc"},
    ),
    Replacement(
        "formattedcode.output_jsonlines",
        "JsonLinesOutput.process_codebase",
        "ffd7aa11470f3e42",
        write_lines,
        relies_on={"plugincode.output:OutputPlugin.get_files": "948dc472b36a8cdc"},
    ),
)
