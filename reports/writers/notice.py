"""The attribution notice: who holds the copyright, under which licences, with the full texts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from reports.reader import Report
from reports.values import LicenseText, Package
from reports.words import license_keys, visible, visible_lines
from reports.writers.pages import render
from reports.writers.streams import as_text
from reports.writers.subject import subject

_WIDTH = 80


def copyrights(report: Report) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield (SPDX expression or "", its copyright statements) of the files."""
    for expression, pairs in groupby(report.copyrights_by_license(), key=lambda pair: pair[0]):
        yield expression, (statement for _, statement in pairs)


def texts(report: Report) -> Iterator[LicenseText]:
    """Yield the licences of files and packages by name; what was only a clue is left out."""
    found = {license.key: license.name for license in report.licenses()}
    for _, package in report.each_package():
        for key in license_keys(package.declared):
            found.setdefault(key, key)
    for key in sorted(found, key=lambda key: (found[key].casefold(), key)):
        license = report.license(key)
        if license:
            yield license


def write_text(report: Report, out: BinaryIO) -> None:
    """Write the notice as plain text, UTF-8."""
    about, header = subject(report), report.header
    with as_text(out) as text:
        title = f"Licences and copyrights in {visible(about.title)}"
        text.write(f"{title}\n{'=' * min(len(title), _WIDTH)}\n\n")
        text.write(f"Found by {header.tool} {header.version} on {about.created[:10]}.\n\n")
        text.write(_paragraph(visible(header.notice.replace("\n", " "))) + "\n")
        for number, (_, package) in enumerate(report.each_package()):
            text.write(_heading("Packages") if number == 0 else "")
            text.write(_package(package))
        for number, (expression, statements) in enumerate(copyrights(report)):
            text.write(_heading("Copyrights by licence") if number == 0 else "")
            text.write(f"{visible(expression) or 'No licence detected'}\n")
            text.writelines(f"  {visible(statement)}\n" for statement in statements)
            text.write("\n")
        for number, license in enumerate(texts(report)):
            text.write(_heading("Licences") if number == 0 else "")
            text.write(_license(license))


def _heading(title: str) -> str:
    return f"\n{title}\n{'-' * len(title)}\n\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _WIDTH) + "\n"


def _package(package: Package) -> str:
    lines = [f"{package.name} {package.version}".strip() or package.purl, f"  {package.purl}"]
    lines.append(f"  Licence: {package.declared_spdx or 'not declared'}")
    lines += [
        f"  {name}: {value}" for name, value in (("Holder", package.holder), ("Homepage", package.homepage)) if value
    ]
    return "\n".join(visible(line) for line in lines) + "\n\n"


def _license(found: LicenseText) -> str:
    license = found.license
    title = visible(f"{license.name} ({license.spdx})")
    body = visible_lines(found.text).rstrip() or _without_text(found)
    return f"{title}\n{'~' * min(len(title), _WIDTH)}\n\n{body}\n\n\n"


def _without_text(found: LicenseText) -> str:
    address = found.database_url or found.spdx_url or found.homepage
    return f"There is no one text of it. See {visible(address)}" if address else "There is no one text of it."


def write_html(report: Report, out: BinaryIO) -> None:
    """Write the notice as a page."""
    values = {
        "about": subject(report),
        "header": report.header,
        "packages": report.each_package(),
        "copyrights": copyrights(report),
        "texts": texts(report),
    }
    render("notice.html", out, values)
