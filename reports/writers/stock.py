"""ScanCode's own output: the same objects that it wrote, as JSON and JSON Lines, and as YAML."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from reports.reader import Report
from reports.words import clean_deep
from reports.writers.streams import as_text

#: The parts of ScanCode's output in its order, each with what it is where ScanCode found nothing.
_PARTS: dict[str, Any] = {
    "headers": [],
    "summary": {},
    "packages": [],
    "dependencies": [],
    "license_detections": [],
    "tallies": {},
    "license_references": [],
    "license_rule_references": [],
}


def write_json(report: Report, out: BinaryIO) -> None:
    """Write ScanCode JSON: equal to what ``scancode --json`` wrote."""
    for number, (name, nothing) in enumerate(_PARTS.items()):
        value = report.stock(name) or nothing
        out.write((",\n" if number else "{\n").encode())
        out.write(f'"{name}": {json.dumps(value)}'.encode())
    out.write(b',\n"files": [')
    for number, item in enumerate(report.stock_files()):
        out.write(b",\n" if number else b"\n")
        out.write(item)
    out.write(b"\n]}\n")


def write_jsonl(report: Report, out: BinaryIO) -> None:
    """Write ScanCode JSON Lines: equal to what ``scancode --json-lines`` wrote, byte for byte."""
    for name in _PARTS:
        value = report.stock(name)
        if value:
            out.write(json.dumps({name: value}, separators=(",", ":")).encode() + b"\n")
    for item in report.stock_files():
        out.write(b'{"files":[' + item + b"]}\n")


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
        for name, nothing in _PARTS.items():
            text.write(dump({name: report.stock(name) or nothing}))
        text.write("files:\n" if report.counts.files + report.counts.folders else "files: []\n")
        for item in report.stock_files():
            text.write(dump([json.loads(item)]))
