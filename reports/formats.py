"""The formats that a report can be had in.

with Report(path) as report, open(f"report{FORMATS['spdx.json'].suffix}", "wb") as out:
    write(report, "spdx.json", out)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO

from reports.reader import Report


@dataclass(frozen=True)
class Format:
    """A file that can be made from a report."""

    name: str  #: as in the address ``report.<name>``
    title: str  #: for people
    media_type: str
    #: True where writing takes long or much memory on a large report: to be made outside the site, and kept.
    heavy: bool
    writer: str  #: "module:function" in ``reports.writers``; imported when it is used
    parts: str  #: what is in it, in a few words

    @property
    def suffix(self) -> str:
        """The end of a file's name, with its dot."""
        return "." + self.name

    def write(self, report: Report, out: BinaryIO) -> None:
        """Write the report to ``out``, which need not be seekable, and leave it open."""
        module, _, function = self.writer.partition(":")
        write: Callable[[Report, BinaryIO], None] = getattr(import_module(f"reports.writers.{module}"), function)
        write(report, out)


_ALL = (
    Format("json", "ScanCode JSON", "application/json", False, "stock:write_json", "everything, as ScanCode writes it"),
    Format(
        "jsonl", "ScanCode JSON Lines", "application/jsonl", False, "stock:write_jsonl", "everything, a file a line"
    ),
    Format("yaml", "YAML", "application/yaml", True, "stock:write_yaml", "everything, for reading"),
    Format("csv", "CSV", "text/csv", True, "spreadsheets:write_csv", "a row for each file"),
    Format(
        "xlsx",
        "Excel workbook",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        True,
        "spreadsheets:write_xlsx",
        "licences, packages, dependencies, files",
    ),
    Format("spdx", "SPDX 2.3 tag-value", "text/spdx", True, "tag_value:write_spdx", "bill of materials"),
    Format("spdx.json", "SPDX 2.3 JSON", "application/spdx+json", True, "spdx2:write_spdx_json", "bill of materials"),
    Format("spdx3.json", "SPDX 3.0 JSON-LD", "application/ld+json", True, "spdx3:write_spdx3", "bill of materials"),
    Format(
        "cdx.json",
        "CycloneDX 1.6 JSON",
        "application/vnd.cyclonedx+json",
        True,
        "cyclonedx:write_cdx_json",
        "bill of materials with evidence",
    ),
    Format(
        "cdx.xml",
        "CycloneDX 1.6 XML",
        "application/vnd.cyclonedx+xml",
        True,
        "cyclonedx:write_cdx_xml",
        "bill of materials with evidence",
    ),
    Format("notice.txt", "Notice, text", "text/plain", False, "notice:write_text", "copyrights and full licence texts"),
    Format("notice.html", "Notice, HTML", "text/html", False, "notice:write_html", "copyrights and full licence texts"),
    Format("html", "HTML report", "text/html", True, "page:write_html", "one page that needs no server"),
    Format("zip", "All of these", "application/zip", True, "bundle:write_zip", "each format, in one archive"),
)

#: By name, in the order in which they are offered.
FORMATS: dict[str, Format] = {format.name: format for format in _ALL}


def write(report: Report, name: str, out: BinaryIO) -> None:
    """Write a report in the format of that name; raise KeyError if there is none."""
    FORMATS[name].write(report, out)
