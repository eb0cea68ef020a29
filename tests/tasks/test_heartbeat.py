"""A lease lasts as long as the work goes on, and no longer."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tasks import heartbeat, jobs
from tasks.heartbeat import Heartbeat
from webapp.extensions import db
from webapp.models import Scan


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "LEASE_SECONDS": "2"}


@pytest.fixture
def job(app: Flask, add_scan: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch) -> Scan:
    monkeypatch.setattr(heartbeat, "EVERY", 0.1)
    add_scan()
    claimed = jobs.claim_fetch()
    assert claimed is not None
    return claimed


def _lease() -> float | None:
    lease = db.session.scalar(select(Scan.lease_until))
    db.session.rollback()
    return lease


def test_a_lease_is_renewed_while_the_work_gives_signs(job: Scan) -> None:
    before = _lease()
    with Heartbeat(job) as beating:
        for _ in range(15):
            time.sleep(0.1)
            beating.check()

    assert before is not None
    assert (_lease() or 0) > before


def test_a_lease_is_not_renewed_while_the_work_hangs(job: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "SILENCE", 0.2)
    before = _lease()
    with Heartbeat(job) as beating:
        time.sleep(1.5)

        assert _lease() == before
        with pytest.raises(jobs.LeaseLost):
            beating.check()


def test_a_number_that_could_not_be_written_is_written_later(job: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    renew = jobs.renew
    tries: list[dict[str, object]] = []

    def unreliable(claimed: Scan, **values: object) -> None:
        tries.append(values)
        if len(tries) == 1:
            raise OSError("the database is away")
        renew(claimed, **values)

    monkeypatch.setattr(heartbeat, "renew", unreliable)
    with Heartbeat(job) as beating:
        beating.set(bytes_done=7)
        time.sleep(0.5)

    assert tries[:2] == [{"bytes_done": 7}] * 2
    assert db.session.scalar(select(Scan.bytes_done)) == 7
