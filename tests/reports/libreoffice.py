"""Open the spreadsheets in LibreOffice and look for formulas: slow, and needs ``soffice``, so it runs on its own.

    .venv/bin/python -m tests.reports.libreoffice

Reads each file as LibreOffice does with the separators that are in use, writes what it understood, and counts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from lxml import etree

from reports.formats import write
from reports.store import Report, build
from tests.reports import scans
from tests.reports.scans import file, folder

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
#: CSV import filter: separator, text delimiter, UTF-8, first line, all columns as standard, formulas evaluated.
_CSV = "CSV:{},34,76,1,,0,false,true,false,true"
STARTS = (
    "=",
    "+",
    "-",
    "@",
    "＝",
    "＋",
    "－",
    "＠",
    "\t=",
    "\r=",
    "\n=",
    ' "=',
    "'=",
    ";=",
    "x;=",
    'x";=',
    "x\n=",
    "x\t=",
)


def make_report(folder_: Path) -> Path:
    """Make a report in which every text begins like a formula."""
    files = [folder("root")]
    for number, start in enumerate(STARTS):
        bad = f"{start}1+1+cmd|' /C calc'!A{number}"
        files.append(file(f"root/{bad}", "mit", holders=[bad], programming_language=bad, scan_errors=[bad]))
    lines = scans.write_lines(folder_ / "report.jsonl", scans.lines(files, summary={"declared_holder": "=1+1"}))
    build(lines, folder_ / "report.sqlite", about={"title": "=1+1"})
    return folder_ / "report.sqlite"


def formulas(path: Path, options: list[str]) -> tuple[int, list[str]]:
    """Let LibreOffice open a file; return how many rows it saw, and the formulas."""
    home = f"-env:UserInstallation=file://{path.parent}/home"
    command = ["soffice", home, "--headless", *options, "--convert-to", "fods", "--outdir", str(path.parent), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    tree = etree.parse(path.with_suffix(".fods"))
    found = [cell.get(f"{_TABLE}formula") for cell in tree.iter(f"{_TABLE}table-cell") if cell.get(f"{_TABLE}formula")]
    return sum(1 for _ in tree.iter(f"{_TABLE}table-row")), found


def main() -> int:
    """Return 0 if LibreOffice found no formula."""
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder_ = Path(name)
        with Report(make_report(folder_)) as report:
            for format in ("xlsx", "csv"):
                with (folder_ / f"report.{format}").open("wb") as out:
                    write(report, format, out)
        (folder_ / "control.csv").write_text('"=1+1"\n')
        runs = [("xlsx", "report.xlsx", [])]
        runs += [(f"csv by {mark}", "report.csv", [f"--infilter={_CSV.format(ord(mark))}"]) for mark in ",;\t|"]
        runs += [("control", "control.csv", [f"--infilter={_CSV.format(ord(','))}"])]
        for title, file_name, options in runs:
            rows, found = formulas(folder_ / file_name, options)
            print(f"{title!r}: {rows} rows, {len(found)} formulas {found[:3]}")
            # The control shows that a formula would have been found.
            bad += (not found) if title == "control" else len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
