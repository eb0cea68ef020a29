"""The numbers: read off the rows, and counted where rows go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from scanner.errors import LimitExceeded
from tasks import jobs, scans, sweep, work
from tests.webapp.builders import a_batch, a_report, a_scan
from tests.webapp.operations import a_worker, migrated
from webapp import counters
from webapp.extensions import db, writing
from webapp.models import Batch, JobState, OutMail, Scan, State, clock, now


@pytest.fixture(autouse=True)
def _migrated(app: Flask) -> None:
    migrated()


def metrics(client: FlaskClient) -> dict[tuple[str, str], float]:
    """Return what /metrics says: (name, values of the labels joined by "/") → value."""
    # The requests of a test share its session; without this one would see what the one before it saw.
    db.session.rollback()
    response = client.get("/metrics")
    assert response.status_code == 200, response.text
    return {
        (sample.name, "/".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_it_tells_scans_by_state(client: FlaskClient) -> None:
    a_scan(State.QUEUED)
    a_scan(State.QUEUED)
    a_report()

    values = metrics(client)

    assert values["scanpost_scans", "queued"] == 2
    assert values["scanpost_scans", "done"] == 1
    assert values["scanpost_scans", "failed"] == 0


def test_it_tells_how_long_the_oldest_waits(client: FlaskClient) -> None:
    a_scan(State.QUEUED, created_at=now() - timedelta(minutes=10))
    a_scan(State.QUEUED)

    assert 600 <= metrics(client)["scanpost_oldest_waiting_seconds", ""] < 700


def test_nothing_waits_in_an_empty_site(client: FlaskClient) -> None:
    values = metrics(client)

    assert values["scanpost_oldest_waiting_seconds", ""] == 0
    assert values["scanpost_least_progress_seconds", ""] == 0
    assert values["scanpost_workers", ""] == 0


def test_it_tells_which_leases_ran_out(client: FlaskClient) -> None:
    scan = a_scan(State.SCANNING)
    a_batch(scan)
    batch = jobs.claim_batch()
    assert batch is not None
    assert metrics(client)["scanpost_expired_leases", "batch"] == 0
    with writing() as session:
        session.execute(update(Batch).values(lease_until=clock() - 1))

    values = metrics(client)

    assert values["scanpost_expired_leases", "batch"] == 1
    assert values["scanpost_batches", "running"] == 1


def test_it_tells_of_mails(client: FlaskClient) -> None:
    scan = a_report()
    with writing() as session:
        session.add(
            OutMail(
                scan_id=scan.id, address="a@example.org", message_id="<1@x>", created_at=now() - timedelta(minutes=2)
            )
        )

    values = metrics(client)

    assert values["scanpost_mails", "waiting"] == 1
    assert values["scanpost_oldest_mail_seconds", ""] >= 120


def test_it_tells_of_workers(client: FlaskClient) -> None:
    a_worker(engine_starts=3, clock_off=12.0)
    a_worker(name="gone:1:ab", silent=1000)

    values = metrics(client)

    assert values["scanpost_workers", ""] == 1
    assert values["scanpost_worker_slots", ""] == 2
    assert values["scanpost_engine_starts", "machine:42:abcd"] == 3
    assert values["scanpost_worker_clock_off_seconds", "machine:42:abcd"] == 12


def test_what_ended_stays_counted_when_the_rows_are_gone(client: FlaskClient) -> None:
    scan = scans.submit("https://example.org/app-1.0.tar.gz", None, "somebody")
    claimed = jobs.claim_fetch()
    assert claimed is not None
    work.fail(claimed, LimitExceeded("Too large."))
    cancelled = scans.submit("https://example.org/app-2.0.tar.gz", None, "somebody")
    scans.cancel(cancelled)
    scans.cancel(cancelled)
    for row in (scan, cancelled):
        sweep.remove(db.session.get_one(Scan, row.id, populate_existing=True))

    values = metrics(client)

    assert values["scanpost_scans", "failed"] == 0
    assert values["scanpost_scans_submitted_total", ""] == 2
    assert values["scanpost_scans_ended_total", "limit-exceeded"] == 1
    assert values["scanpost_scans_ended_total", "cancelled"] == 1


def test_it_tells_how_jobs_ended_and_how_long_they_took(client: FlaskClient) -> None:
    a_scan(State.QUEUED)
    scan = jobs.claim_fetch()
    assert scan is not None

    work._run(scan, _stage_that_works)

    values = metrics(client)
    assert values["scanpost_jobs_total", "stage_that_works/done"] == 1
    assert values["scanpost_stage_seconds_count", "stage_that_works"] == 1
    assert values["scanpost_stage_seconds_bucket", "0.05/stage_that_works"] == 1
    assert values["scanpost_jobs_taken_over_total", "stage_that_works"] == 0


def test_it_counts_what_was_taken_over_from_dead_workers(client: FlaskClient) -> None:
    a_scan(State.QUEUED)
    jobs.claim_fetch()
    with writing() as session:
        session.execute(update(Scan).values(lease_until=clock() - 1))
    scan = jobs.claim_fetch()
    assert scan is not None

    work._run(scan, _stage_that_breaks)

    values = metrics(client)
    assert values["scanpost_jobs_taken_over_total", "stage_that_breaks"] == 1
    assert values["scanpost_jobs_total", "stage_that_breaks/failed"] == 1


def _stage_that_works(_job: object) -> None: ...


def _stage_that_breaks(_job: object) -> None:
    raise RuntimeError("nobody expected this")


def test_it_counts_answers_but_not_those_to_machines(client: FlaskClient) -> None:
    client.get("/")
    client.get("/no-such-page")
    client.get("/healthz")

    values = metrics(client)

    assert values["scanpost_http_answers_total", "200"] == 1
    assert values["scanpost_http_answers_total", "404"] == 1
    assert values["scanpost_http_seconds_count", ""] == 2


def test_it_counts_limits_that_were_hit(app: Flask, client: FlaskClient) -> None:
    app.config["QUEUE_LIMIT"] = 0

    assert client.post("/scans", data={"url": "https://example.org/app-1.0.tar.gz"}).status_code == 503

    assert metrics(client)["scanpost_limits_hit_total", "busy"] == 1


def test_buckets_add_up(client: FlaskClient) -> None:
    for seconds in (0.01, 0.05, 10, 10_000):
        counters.note(counters.duration("stage", "fetch", seconds))

    values = metrics(client)

    assert values["scanpost_stage_seconds_bucket", "0.05/fetch"] == 2
    assert values["scanpost_stage_seconds_bucket", "15.0/fetch"] == 3
    assert values["scanpost_stage_seconds_bucket", "+Inf/fetch"] == 4
    assert values["scanpost_stage_seconds_count", "fetch"] == 4


def test_counts_that_cannot_be_written_are_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = counters.Kept()
    kept.add({("answers", "200"): 2})
    with monkeypatch.context() as broken:
        broken.setattr(counters, "_write", _broken)
        kept.write(at_once=True)
    kept.add({("answers", "200"): 1})

    kept.write(at_once=True)

    assert db.session.query(counters.Counter.value).filter_by(name="answers", label="200").scalar() == 3


def test_a_count_that_cannot_be_written_costs_the_work_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_write", _broken)

    counters.note({("files", "scanned"): 1})


def _broken(_counts: object) -> None:
    raise OSError("the database is away")


def test_a_scrape_of_a_site_without_tables_tells_that(client: FlaskClient) -> None:
    migrated("0001")

    values = metrics(client)

    assert values["scanpost_ready", "migrations"] == 0
    assert ("scanpost_workers", "") not in values


def test_no_address_and_no_url_is_told(client: FlaskClient) -> None:
    a_scan(State.FAILED, address="ada@example.org", error_code="failed", error="https://example.org/secret")

    text = client.get("/metrics").text

    assert "example.org" not in text
    assert "ada@" not in text


def test_given_up_mails_are_told(client: FlaskClient) -> None:
    scan = a_report()
    with writing() as session:
        session.add(OutMail(scan_id=scan.id, message_id="<1@x>", state=JobState.GIVEN_UP))

    assert metrics(client)["scanpost_mails", "given-up"] == 1
