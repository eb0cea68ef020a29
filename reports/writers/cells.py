"""Tables that open in a spreadsheet: the rows of both CSV and XLSX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reports.reader import Report
from reports.values import FileDetail, Finding
from reports.words import xml_text

Cell = str | int | float | None

_STARTS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
#: How a spreadsheet recognises a formula: by its first character, full-width twins among them, behind spaces and quotes
#: too; some also drop a leading tab or line end. See OWASP, "CSV Injection".
_FORMULA = re.compile(rf"""^(?=[\s"']*[{_STARTS}]|[\t\r\n])""")
#: The same behind what might end a cell where a file is read with another separator than it was written with.
_HIDDEN_FORMULA = re.compile(rf"""(?P<before>[;\t\r\n|][ "']*)(?=[{_STARTS}])""")
#: What one cell of XLSX may hold, in UTF-16 units; Excel calls longer ones damage.
_LONGEST = 32_767


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe before what would begin one."""
    text = _HIDDEN_FORMULA.sub(r"\g<before>'", xml_text(text))
    return shorten(_FORMULA.sub("'", text, count=1))


def shorten(text: str) -> str:
    """Cut a text to what one cell may hold."""
    if len(text) * 2 <= _LONGEST or len(text.encode("utf-16-le")) // 2 <= _LONGEST:
        return text
    return text.encode("utf-16-le")[: 2 * (_LONGEST - 1)].decode("utf-16-le", "ignore") + "…"


@dataclass(frozen=True)
class Sheet:
    """A table: its name, its columns with their widths in characters, and its rows."""

    name: str
    columns: tuple[tuple[str, int], ...]
    rows: Iterator[tuple[Cell, ...]]


FILE_COLUMNS = (
    ("path", 60),
    ("bytes", 10),
    ("language", 14),
    ("licence (SPDX)", 30),
    ("licence (ScanCode)", 30),
    ("categories", 18),
    ("lowest score", 12),
    ("copyrights", 50),
    ("holders", 30),
    ("authors", 30),
    ("emails", 30),
    ("urls", 40),
    ("packages", 30),
    ("errors", 30),
    ("mime type", 20),
    ("sha1", 42),
    ("sha256", 66),
)


def file_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for each file."""
    for file in report.each_file():
        row, data = file.row, file.data
        yield (
            row.path,
            row.size,
            row.language,
            row.spdx,
            row.expression,
            "\n".join(row.categories),
            _lowest_score(file),
            *(_values(found) for found in (file.copyrights, file.holders, file.authors, file.emails, file.urls)),
            "\n".join(uid.partition("?uuid=")[0].partition("&uuid=")[0] for uid in file.packages),
            "\n".join(file.errors),
            data.get("mime_type"),
            data.get("sha1"),
            data.get("sha256"),
        )


def _values(findings: tuple[Finding, ...]) -> str:
    return "\n".join(dict.fromkeys(finding.value for finding in findings))


def _lowest_score(file: FileDetail) -> float | None:
    return min((match.score for found in file.detections for match in found.matches), default=None)


def sheets(report: Report) -> Iterator[Sheet]:
    """Yield all tables of a report; each has to be read before the next."""
    yield Sheet("Summary", (("what", 32), ("value", 80)), _summary_rows(report))
    columns = (("licence", 40), ("SPDX", 32), ("key", 32), ("category", 20), ("files", 8))
    rows: Iterator[tuple[Cell, ...]] = ((it.name, it.spdx, it.key, it.category, it.files) for it in report.licenses())
    yield Sheet("Licences", columns, rows)
    columns = (("expression (SPDX)", 40), ("expression", 40), ("categories", 24), ("places", 8), ("identifier", 60))
    rows = (
        (found.spdx, found.expression, "\n".join(found.categories), found.count, found.identifier)
        for found in report.each_detection()
    )
    yield Sheet("Detections", columns, rows)
    yield Sheet("Holders", (("holder", 60), ("files", 8)), ((it.value, it.files) for it in report.holders(limit=-1)))
    yield _packages(report)
    yield _dependencies(report)
    yield Sheet("Files", FILE_COLUMNS, file_rows(report))


def _summary_rows(report: Report) -> Iterator[tuple[Cell, ...]]:
    summary, counts, header, about = report.summary(), report.counts, report.header, report.about
    source = about.get("source") or {}
    yield "scanned", str(about.get("title") or report.root)
    for name in ("url", "purl", "version", "commit", "sha256"):
        if source.get(name):
            yield name, str(source[name])
    yield "declared licence", summary.declared.spdx if summary.declared else ""
    yield "clarity score", summary.clarity.score if summary.clarity else None
    yield "declared holder", summary.holder
    yield "primary language", summary.primary_language
    for name, number in vars(counts).items():
        yield _COUNTS[name], number
    yield "scanner", f"{header.tool} {header.version}"
    yield "scan ended", header.ended
    yield "notice", header.notice
    for item in report.to_look_at():
        yield "to look at", item.sentence


_COUNTS = {
    "files": "files",
    "folders": "folders",
    "bytes": "bytes",
    "failed": "files with errors",
    "errors": "errors",
    "unlicensed": "files without a licence",
    "packages": "packages",
    "dependencies": "dependencies",
    "detections": "unique licence detections",
    "licenses": "licences in files",
    "holders": "copyright holders",
}


def _packages(report: Report) -> Sheet:
    columns = (
        ("purl", 50),
        ("name", 30),
        ("version", 14),
        ("declared licence (SPDX)", 30),
        ("licences in its files (SPDX)", 40),
        ("agree", 8),
        ("holder", 30),
        ("homepage", 40),
        ("manifests", 40),
        ("files", 8),
        ("dependencies", 12),
    )
    rows = (
        (
            package.purl,
            package.name,
            package.version,
            package.declared_spdx,
            "\n".join(share.value or "none" for share in package.detected),
            {True: "yes", False: "no", None: ""}[package.agrees],
            package.holder,
            package.homepage,
            "\n".join(package.datafiles),
            package.files,
            package.dependencies,
        )
        for _, package in report.each_package()
    )
    return Sheet("Packages", columns, rows)


def _dependencies(report: Report) -> Sheet:
    columns = (
        ("needed (purl)", 50),
        ("requirement", 16),
        ("scope", 16),
        ("runtime", 8),
        ("optional", 8),
        ("pinned", 8),
        ("direct", 8),
        ("needed by", 50),
        ("manifest", 50),
    )
    rows = (
        (
            need.purl,
            need.requirement,
            need.scope,
            *("yes" if flag else "no" for flag in (need.is_runtime, need.is_optional, need.is_pinned, need.is_direct)),
            (need.package or "").partition("?uuid=")[0],
            need.datafile,
        )
        for _, _, need in report.each_need()
    )
    return Sheet("Dependencies", columns, rows)
