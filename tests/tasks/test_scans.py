"""What becomes of a scan whose stage fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from scanner.errors import DiskFull
from tasks import jobs, scans, stages
from webapp.extensions import db
from webapp.models import Scan, State


def test_a_full_disk_ends_a_scan_only_if_it_stays_full(
    app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(scan: Scan) -> int:
        raise DiskFull

    monkeypatch.setattr(stages, "fetch", fetch)
    app.config["LEASE_SECONDS"] = 0
    scan_id = add_scan().id

    states = []
    for _ in range(scans.TRIES):
        job = jobs.claim_fetch()
        assert job is not None
        scans._run(job, scans._fetch)
        states.append(db.session.get_one(Scan, scan_id, populate_existing=True).state)
        db.session.rollback()

    assert states == [State.FETCHING, State.FETCHING, State.FAILED]
    assert db.session.get_one(Scan, scan_id).error == "The disk of this site is full."
