"""The one door to stored reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from flask import current_app

from reports.store import Report
from reports.texts import Texts
from scanner.storage import Storage, open_storage
from webapp.models import Scan

STORE = "report.sqlite"
SCANCODE_JSON = "report.json.gz"
SCANCODE_LINES = "report.jsonl.gz"
TEXTS = "texts.sqlite"


def storage() -> Storage:
    """Return the storage of this application."""
    if "storage" not in current_app.extensions:
        current_app.extensions["storage"] = open_storage(current_app.config["STORAGE_URL"])
    return current_app.extensions["storage"]


@contextmanager
def open_texts(scan: Scan) -> Iterator[Texts | None]:
    """Give the texts that were kept of a scan that is done; None if there are none."""
    key = f"{scan.report}/{TEXTS}"
    if not storage().exists(key):
        yield None
        return
    with storage().local(key) as database, Texts(database) as texts:
        yield texts


@contextmanager
def open_report(scan: Scan) -> Iterator[Report]:
    """Give the report of a scan that is done."""
    with storage().local(f"{scan.report}/{STORE}") as path, Report(path) as report:
        yield report


def open_scancode_json(scan: Scan) -> BinaryIO:
    """Open the ScanCode JSON of a scan that is done, gzipped."""
    return storage().open(f"{scan.report}/{SCANCODE_JSON}")
