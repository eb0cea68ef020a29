"""CSV (the files) and XLSX (all tables)."""

from __future__ import annotations

import csv
import datetime
from typing import Any, BinaryIO

from reports.reader import Report
from reports.writers.cells import FILE_COLUMNS, Cell, Sheet, file_rows, harmless, sheets
from reports.writers.streams import as_text
from reports.writers.subject import subject

#: Rows of a sheet in the XLSX format, the headings among them.
_MOST_ROWS = 1_048_576


def _tidy(cell: Cell) -> Cell:
    return harmless(cell) if isinstance(cell, str) else cell


def write_csv(report: Report, out: BinaryIO) -> None:
    """Write a row for each file (RFC 4180, UTF-8). Several values in a cell are on a line each."""
    with as_text(out, newline="") as text:
        table = csv.writer(text, quoting=csv.QUOTE_ALL)
        table.writerow(name for name, _ in FILE_COLUMNS)
        for row in file_rows(report):
            table.writerow(_tidy(cell) for cell in row)


def write_xlsx(report: Report, out: BinaryIO) -> None:
    """Write a workbook with a sheet for each table."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    about = subject(report)
    book.properties.title = harmless(about.title)
    book.properties.creator = about.scanner
    # The scan's time instead of now: the same report gives the same document.
    book.properties.created = book.properties.modified = _moment(about.created)
    for sheet in sheets(report):
        _fill(book.create_sheet(sheet.name), sheet)
    book.save(out)


def _moment(stamp: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(stamp.removesuffix("Z"))


def _fill(page: Any, sheet: Sheet) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    page.freeze_panes = "A2"
    for number, (_, width) in enumerate(sheet.columns, 1):
        page.column_dimensions[get_column_letter(number)].width = width
    head = [WriteOnlyCell(page, value=name) for name, _ in sheet.columns]
    for cell in head:
        cell.font = Font(bold=True)
    page.append(head)
    for number, row in enumerate(sheet.rows, 2):
        if number == _MOST_ROWS:
            page.append(["The other rows do not fit into a sheet of this format; the JSON has them all."])
            break
        page.append([_cell(page, value) for value in row])


def _cell(page: Any, value: Cell) -> Any:
    tidy = _tidy(value)
    if not isinstance(tidy, str) or not tidy.startswith("#"):
        return tidy
    # A text such as "#N/A" would become an error value.
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, value=tidy)
    cell.data_type = "s"
    return cell
