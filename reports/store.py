"""A finished report: made once, then only read.

    build(folder / "report.jsonl", folder / "report.sqlite", about={...})
    with Report(folder / "report.sqlite") as report:
        report.summary()

One file holds all of it, so that any number of site processes can read it without a lock, and formats are written
from it alone.
"""

from __future__ import annotations

from reports.builder import build, retell
from reports.reader import Report
from reports.values import Filters

__all__ = ["Filters", "Report", "build", "retell"]
