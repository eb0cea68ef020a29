"""Write a report as JSON one file at a time, with the encoder in C.

Stock makes a list of all files of the codebase and writes it in pieces as small as a comma, by the encoder in Python.
The text is the same because the encoder in C writes what the one in Python does, and because a list is its items with
", " between them in brackets. The options that ask for indented JSON are left to stock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TextIO

from formattedcode import output_json
from plugincode.output import OutputPlugin

from scanner.engine.speedups import Replacement

_stock_write_results = output_json.write_results
_encode = json.JSONEncoder().encode


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
    _write_list(OutputPlugin.get_files(codebase, **kwargs), output_file)
    output_file.write("}")


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
)
