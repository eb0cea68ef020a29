"""What /metrics tells, in Prometheus' text format, worked out from the database when it is asked for.

So it does not matter which process of the site is asked, nor which worker did the work. What rows can tell is read off
the rows; what is still to be told when they are gone comes from webapp.counters.
"""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import current_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from tasks import jobs, status
from tasks.queue import queue
from webapp import readiness
from webapp.counters import BUCKETS
from webapp.extensions import db
from webapp.models import Batch, Counter, JobState, OutMail, Scan, State, clock, now

__all__ = ["CONTENT_TYPE", "numbers"]

log = logging.getLogger(__name__)

#: Name in webapp.counters → name here, its label, what it counts.
COUNTERS = {
    "scans_submitted": ("scanpost_scans_submitted", None, "Scans that were accepted"),
    "scans_ended": ("scanpost_scans_ended", "outcome", "Scans that ended: done, cancelled, or the code of the error"),
    "reports_reused": ("scanpost_reports_reused", None, "Scans that ended with the report of equal content"),
    "jobs": (
        "scanpost_jobs",
        "job/outcome",
        "Jobs that ended: done, failed, given back at a stop, or lost to a cancel or another worker",
    ),
    "jobs_taken_over": ("scanpost_jobs_taken_over", "job", "Jobs begun after a worker had died over them"),
    "files": ("scanpost_files", "result", "Files: scanned, known from the cache of findings, or with an error"),
    "file_seconds": ("scanpost_file_cpu_seconds", None, "CPU seconds that files took"),
    "bytes": ("scanpost_scanned_bytes", None, "Bytes of the files of finished batches"),
    "mails": ("scanpost_mail_tries", "outcome", "Tries to send a mail: sent, postponed or given up"),
    "answers": ("scanpost_http_answers", "status", "Answers of the site"),
    "limits_hit": ("scanpost_limits_hit", "limit", "Refusals because of a limit: rate of one client, or busy site"),
}
#: Name in webapp.counters → name here, its label, what took so long.
HISTOGRAMS = {
    "stage": ("scanpost_stage_seconds", "stage", "How long the stages of scans took"),
    "answer": ("scanpost_http_seconds", None, "How long answers of the site took"),
}


def numbers() -> bytes:
    """Return all metrics. Where the database is away, only that is told."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers())
    return generate_latest(registry)


class _Numbers(Collector):
    def collect(self) -> Iterator[Metric]:
        checks = readiness.check_all()
        yield _gauge("scanpost_ready", "Whether a part can be used (see /readyz)", "check", _numbers_of(checks))
        yield from _disk()
        if not next(check.ok for check in checks if check.name == "migrations"):
            return
        for part in (_scans, _batches, _mails, _queue, _workers, _counted):
            yield from part()
        db.session.rollback()


def _numbers_of(checks: Iterable[readiness.Check]) -> dict[str, float]:
    return {check.name: float(check.ok) for check in checks}


def _gauge(name: str, meaning: str, label: str | None, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label] if label else [])
    for key, value in values.items():
        family.add_metric([key] if label else [], value)
    return family


def _single(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return _gauge(name, meaning, None, {"": value})


def _disk() -> Iterator[Metric]:
    free = shutil.disk_usage(current_app.config["INSTANCE"]).free
    yield _single("scanpost_site_disk_free_bytes", "Bytes free where this site keeps its files", free)


def _scans() -> Iterator[Metric]:
    counts = _by_state(Scan.state)
    yield _gauge("scanpost_scans", "Scans that are kept, by state", "state", {s.value: counts.get(s, 0) for s in State})
    moment = now()
    oldest = db.session.scalar(select(func.min(Scan.created_at)).where(Scan.state == State.QUEUED))
    yield _single(
        "scanpost_oldest_waiting_seconds",
        "How long the scan that waits longest has waited for a worker",
        (moment - oldest).total_seconds() if oldest else 0.0,
    )
    begun = [state for state in State if not state.final and state is not State.QUEUED]
    untouched = db.session.scalar(select(func.min(Scan.updated_at)).where(Scan.state.in_(begun)))
    yield _single(
        "scanpost_least_progress_seconds",
        "How long ago the scan under way that moves least has moved",
        (moment - untouched).total_seconds() if untouched else 0.0,
    )


def _batches() -> Iterator[Metric]:
    counts = _by_state(Batch.state)
    values = {state.value: counts.get(state, 0) for state in JobState}
    yield _gauge("scanpost_batches", "Batches of unfinished scans, by state", "state", values)
    batches = db.session.scalar(select(func.count()).where(Batch.owner.is_not(None), jobs.free(Batch)))
    scans = db.session.scalar(
        select(func.count()).where(
            Scan.state.in_((*jobs.FETCHING, State.ASSEMBLING)), Scan.owner.is_not(None), jobs.free(Scan)
        )
    )
    yield _gauge(
        "scanpost_expired_leases",
        "Jobs whose worker gave no sign for LEASE_SECONDS and that nobody has taken over yet",
        "kind",
        {"batch": batches or 0, "scan": scans or 0},
    )


def _mails() -> Iterator[Metric]:
    counts = _by_state(OutMail.state)
    values = {state.value: counts.get(state, 0) for state in JobState}
    yield _gauge("scanpost_mails", "Mails that are kept, by state", "state", values)
    unsent = OutMail.state.in_((JobState.WAITING, JobState.RUNNING))
    oldest = db.session.scalar(select(func.min(OutMail.created_at)).where(unsent))
    yield _single(
        "scanpost_oldest_mail_seconds",
        "How long the mail that waits longest has waited to be sent",
        (now() - oldest).total_seconds() if oldest else 0.0,
    )


def _by_state(column: InstrumentedAttribute[Any]) -> dict[Any, int]:
    rows = db.session.execute(select(column, func.count()).group_by(column))
    return {row[0]: row[1] for row in rows}


def _queue() -> Iterator[Metric]:
    try:
        lengths = {"pending": float(queue.pending_count()), "scheduled": float(queue.scheduled_count())}
    except Exception as error:
        log.warning("the queue cannot be asked for its length: %s", error)
        return
    yield _gauge("scanpost_queue_messages", "Messages in Huey's queue", "kind", lengths)


def _workers() -> Iterator[Metric]:
    living = status.living()
    yield _single("scanpost_workers", "Workers that gave a sign of life lately", len(living))
    yield _single("scanpost_worker_slots", "Files that they scan at the same time", sum(w.slots for w in living))
    yield _single(
        "scanpost_unprotected_workers",
        "Workers whose kernel lacks a part of the sandbox (see /readyz)",
        sum(bool(status.missing(worker)) for worker in living),
    )
    engines = GaugeMetricFamily("scanpost_engine_starts", "Starts of the engine of a worker", labels=["worker"])
    disks = GaugeMetricFamily("scanpost_worker_disk_free_bytes", "Bytes free where it works", labels=["worker"])
    clocks = GaugeMetricFamily("scanpost_worker_clock_off_seconds", "Its clock, less the database's", labels=["worker"])
    silent = GaugeMetricFamily("scanpost_worker_silent_seconds", "How long ago it was seen", labels=["worker"])
    moment = db.session.scalar(select(clock())) or 0.0
    for worker in living:
        for family, value in (
            (engines, worker.engine_starts),
            (disks, worker.disk_free),
            (clocks, worker.clock_off),
            (silent, moment - worker.seen_at),
        ):
            family.add_metric([worker.name], value)
    yield from (engines, disks, clocks, silent)


def _counted() -> Iterator[Metric]:
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for name, label, value in db.session.execute(select(Counter.name, Counter.label, Counter.value)):
        values[name][label] = value
    for counter, (name, labels, meaning) in COUNTERS.items():
        names = labels.split("/") if labels else []
        family = CounterMetricFamily(name, meaning, labels=names)
        for label, value in sorted(values[counter].items()):
            family.add_metric(label.split("/", len(names) - 1) if names else [], value)
        if not names and not values[counter]:
            family.add_metric([], 0.0)
        yield family
    for counter, (name, label_name, meaning) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(name, meaning, labels=[label_name] if label_name else [])
        for label, total in sorted(values[f"{counter}_sum"].items()):
            buckets = _cumulated(values[f"{counter}_bucket"], label)
            histogram.add_metric([label] if label_name else [], buckets=buckets, sum_value=total)
        yield histogram


def _cumulated(counts: dict[str, float], label: str) -> list[tuple[str, float]]:
    """Return (upper bound, how many were not longer), as the format wants it; kept are those of each bucket alone."""
    whole, buckets = 0.0, []
    for bound in (*map(str, BUCKETS), "+Inf"):
        whole += counts.get(f"{label}/{bound}", 0.0)
        buckets.append((bound, whole))
    return buckets
