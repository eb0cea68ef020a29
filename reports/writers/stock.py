"""ScanCode's own output: the same objects that it wrote, as JSON and JSON Lines, and as YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from reports.reader import Report
from reports.words import clean_deep
from reports.writers.streams import as_text
from scanner.stock_json import FILE, FILE_END, PARTS, as_json


def write_json(report: Report, out: BinaryIO) -> None:
    """Write ScanCode JSON: equal to what ``scancode --json`` writes, but for the white space."""
    out.writelines(as_json(_lines(report)))


def write_jsonl(report: Report, out: BinaryIO) -> None:
    """Write ScanCode JSON Lines: equal to what ``scancode --json-lines`` wrote, byte for byte."""
    out.writelines(_lines(report))


def _lines(report: Report) -> Iterator[bytes]:
    for name in PARTS:
        value = report.stock(name)
        if value:
            yield json.dumps({name: value}, separators=(",", ":")).encode() + b"\n"
    for item in report.stock_files():
        yield FILE + item + FILE_END


def write_yaml(report: Report, out: BinaryIO) -> None:
    """Write the same objects as YAML, in the layout of ScanCode's ``--yaml``.

    Bytes in names that are not UTF-8 are spelled out (``reports.words.clean``): YAML has no way to hold them.
    """
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Writes equal values in full where they occur, instead of as references."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def dump(value: Any) -> str:
        tidy = clean_deep(value)
        return str(yaml.dump(tidy, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120))

    with as_text(out) as text:
        for name, nothing in PARTS.items():
            text.write(dump({name: report.stock(name) or nothing}))
        text.write("files:\n" if report.counts.files + report.counts.folders else "files: []\n")
        for item in report.stock_files():
            text.write(dump([json.loads(item)]))
