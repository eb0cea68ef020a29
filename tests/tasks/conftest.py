"""Rows to work on, on each kind of database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.servers.postgresql import temporary_database
from webapp.extensions import db
from webapp.models import Batch, Scan, State


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def environment(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    if request.param == "sqlite":
        yield environment
        return
    with temporary_database() as url:
        yield {**environment, "DATABASE_URL": url}


@pytest.fixture
def add_scan(app: Flask) -> Callable[..., Scan]:
    """Give a function that adds a queued scan; keywords change it."""

    def add(**values: object) -> Scan:
        scan = Scan(**{"asked": "http://127.0.0.1/x.zip", "title": "x.zip", "client": "a", **values})
        db.session.add(scan)
        db.session.commit()
        return scan

    return add


@pytest.fixture
def add_scanning(add_scan: Callable[..., Scan]) -> Callable[..., Scan]:
    """Give a function that adds a scan with so many batches waiting."""

    def add(batches: int = 1, **values: object) -> Scan:
        scan = add_scan(
            state=State.SCANNING, batches_total=batches, files_total=batches, unpacked_bytes=batches, **values
        )
        for number in range(batches):
            db.session.add(Batch(scan_id=scan.id, number=number, files=1, bytes=1))
        db.session.commit()
        return scan

    return add
