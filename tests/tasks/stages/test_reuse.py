"""A report of equal content answers at once; where it cannot be read, the scan goes on as if there were none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from reports import store
from scanner.results import EngineVersion, Source
from tasks import jobs
from tasks.stages import reuse
from tests.webapp.builders import with_report
from webapp.extensions import db
from webapp.models import Scan, State, now
from webapp.results import STORE, storage

VERSION = EngineVersion("32.5.0", "index", "1")
SOURCE = Source(kind="file", asked="http://127.0.0.1/x.zip", title="x.zip", filename="x.zip", sha256="a" * 64, size=1)


@pytest.fixture
def twin(app: Flask, add_scan: Callable[..., Scan], tmp_path: Path) -> Scan:
    """A finished scan of the same content."""
    key = reuse.key_of(SOURCE, VERSION)
    scan = with_report(add_scan(state=State.DONE, source=SOURCE.as_dict(), twin_key=key))
    with storage().local(f"{scan.report}/{STORE}") as report:
        store.retell(report, tmp_path / "report", about={"scanned_at": now().isoformat()})
    storage().put(f"{scan.report}/{STORE}", tmp_path / "report")
    db.session.rollback()
    return scan


@pytest.fixture
def fetched(twin: Scan, add_scan: Callable[..., Scan]) -> Scan:
    """A scan that was fetched just now."""
    add_scan(source=SOURCE.as_dict())
    claimed = jobs.claim_fetch()
    assert claimed is not None
    return claimed


def test_the_report_of_equal_content_ends_the_scan(fetched: Scan) -> None:
    assert reuse.answer(fetched, VERSION)

    assert db.session.get_one(Scan, fetched.id, populate_existing=True).state is State.DONE


@pytest.mark.parametrize("damage", ["lost", "damaged"])
def test_a_report_that_cannot_be_read_is_not_anothers_end(
    twin: Scan, fetched: Scan, tmp_path: Path, damage: str
) -> None:
    key = f"{twin.report}/{STORE}"
    if damage == "lost":
        storage().delete(key)
    else:
        (tmp_path / "noise").write_bytes(b"no database" * 1000)
        storage().put(key, tmp_path / "noise")

    assert not reuse.answer(fetched, VERSION)

    assert db.session.get_one(Scan, fetched.id, populate_existing=True).state is State.FETCHING
