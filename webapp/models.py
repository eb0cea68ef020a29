"""The tables: scans, their batches, and the mails to send. The reports themselves are files (see webapp.results)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Float, ForeignKey, Index, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from webapp.extensions import Base


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC that knows it, on databases that do not keep the zone, too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class clock(FunctionElement[float]):
    """The database's clock, seconds since 1970: the one clock that all workers share, so that leases agree."""

    type = Float()
    inherit_cache = True


@compiles(clock, "sqlite")
def _clock_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(clock, "postgresql")
def _clock_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


class State(StrEnum):
    """Where a scan stands."""

    QUEUED = "queued"
    FETCHING = "fetching"
    UNPACKING = "unpacking"
    SCANNING = "scanning"
    ASSEMBLING = "assembling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})


class JobState(StrEnum):
    """Where a batch or a mail stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    GIVEN_UP = "given-up"


def _enum(kind: type[StrEnum]) -> Enum:
    """Store an enum by its value, as text: a new state needs no change of the column."""
    return Enum(kind, native_enum=False, length=20, values_callable=lambda states: [s.value for s in states])


class Leased:
    """What a worker takes for a while. Only the owner may write, and only while the lease runs."""

    owner: Mapped[str | None] = mapped_column(String(64))
    #: On the database's clock; past this moment anybody may take the job.
    lease_until: Mapped[float | None] = mapped_column(Float)
    #: How often it was taken.
    attempts: Mapped[int] = mapped_column(default=0)
    #: How often that ended in an exception nobody expected. Where neither this nor a result came, the worker died.
    failures: Mapped[int] = mapped_column(default=0)

    @property
    def deaths(self) -> int:
        """Count the workers that died over it, as whoever has just claimed it sees it."""
        return self.attempts - 1 - self.failures


class Scan(Leased, Base):
    """One submission, from the form to the report."""

    __tablename__ = "scan"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: 128 random bits in the URL: who knows it may read the scan.
    token: Mapped[str] = mapped_column(String(32), unique=True, default=lambda: secrets.token_urlsafe(16))
    #: What was pasted.
    asked: Mapped[str] = mapped_column(Text)
    #: What to call it, for people; better known after the fetch.
    title: Mapped[str] = mapped_column(Text)
    state: Mapped[State] = mapped_column(_enum(State), default=State.QUEUED, index=True)
    #: Who asked, as a keyed digest of the network address; for fair turns only.
    client: Mapped[str] = mapped_column(String(32), default="")
    #: Token of the list that it was submitted with, if it was one of several.
    list_token: Mapped[str | None] = mapped_column(String(32), index=True)
    #: Token of the scan that this one repeats; that one may be gone. Not its id, which SQLite would give away anew.
    earlier_token: Mapped[str | None] = mapped_column(String(32), index=True)
    #: Where the link goes when the scan ends; emptied once the mail is gone.
    address: Mapped[str | None] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    #: When the first worker took it.
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When the first batch could be taken; the estimate counts from here.
    scanning_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    #: scanner.results.Source as a mapping, once fetched.
    source: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    #: Name of the one file or folder in the workspace that is scanned.
    root: Mapped[str | None] = mapped_column(Text)
    #: Sentences for the report: what was left out while unpacking, and the like.
    notes: Mapped[list[str]] = mapped_column(JSON, default=list)
    #: Of the fetch.
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes_total: Mapped[int | None] = mapped_column(BigInteger)
    #: Of the workspace.
    files_total: Mapped[int | None] = mapped_column()
    unpacked_bytes: Mapped[int | None] = mapped_column(BigInteger)
    batches_total: Mapped[int | None] = mapped_column()
    batches_done: Mapped[int] = mapped_column(default=0)

    #: scanner.errors code, sentence and advice of a failed scan.
    error_code: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(Text)
    advice: Mapped[str | None] = mapped_column(Text)
    #: Where in the storage the report is, once done.
    report: Mapped[str | None] = mapped_column(Text)
    #: Digest of all that decides what is in the report: content, file name, engine. Equal ones are scanned once.
    twin_key: Mapped[str | None] = mapped_column(String(64), index=True)
    #: What the mail and the head of the page say of the report, so that neither has to open it.
    digest: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    batches: Mapped[list[Batch]] = relationship(
        back_populates="scan", cascade="all, delete-orphan", passive_deletes=True, order_by="Batch.number"
    )

    __table_args__ = (Index("scan_queue", "state", "lease_until"),)

    @property
    def prefix(self) -> str:
        """Return where in the storage all that belongs to this scan alone is kept."""
        return f"scans/{self.token}"

    def manifest(self, number: int) -> str:
        """Return where in the storage the list of files of a batch is."""
        return f"{self.prefix}/batches/{number}.json.gz"


class Batch(Leased, Base):
    """A slice of a scan's files: what a worker takes at a time."""

    __tablename__ = "batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"), index=True)
    number: Mapped[int] = mapped_column()
    state: Mapped[JobState] = mapped_column(_enum(JobState), default=JobState.WAITING, index=True)
    files: Mapped[int] = mapped_column()
    bytes: Mapped[int] = mapped_column(BigInteger)
    files_done: Mapped[int] = mapped_column(default=0)
    #: Licence expressions found so far: SPDX expression → number of files.
    found: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    #: CPU seconds that its files took.
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    #: Where in the storage its findings are, once done.
    findings: Mapped[str | None] = mapped_column(Text)

    scan: Mapped[Scan] = relationship(back_populates="batches")

    __table_args__ = (Index("batch_number", "scan_id", "number", unique=True),)


class Worker(Base):
    """The sign of life of one running worker, and what its machine offers (see tasks.status)."""

    __tablename__ = "worker"

    #: Host, process and a random part: a worker that was started again has a row of its own.
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: On the database's clock.
    seen_at: Mapped[float] = mapped_column(Float)
    #: Seconds that its own clock is ahead of the database's.
    clock_off: Mapped[float] = mapped_column(Float)
    #: SCAN_PROCESSES of that machine.
    slots: Mapped[int] = mapped_column()
    #: ScanCode's version; None while the engine is not up.
    engine: Mapped[str | None] = mapped_column(String(80))
    engine_starts: Mapped[int] = mapped_column()
    #: Bytes free where its workspaces are.
    disk_free: Mapped[int] = mapped_column(BigInteger)
    #: scanner.sandbox.Capabilities as a mapping, and which programs were found.
    offers: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Short digests of the settings that all processes must agree on.
    settings: Mapped[dict[str, str]] = mapped_column(JSON)


class Counter(Base):
    """A number that only grows: what is still to be told of rows that are gone (see webapp.counters)."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    label: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[float] = mapped_column(Float)


class OutMail(Leased, Base):
    """A mail to send: written in the transaction that ends its scan, so that neither is without the other."""

    __tablename__ = "out_mail"

    id: Mapped[int] = mapped_column(primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"), unique=True)
    #: Emptied once the mail is gone.
    address: Mapped[str | None] = mapped_column(String(320))
    #: Decided once, so that a mail that is sent twice is seen to be the same.
    message_id: Mapped[str] = mapped_column(String(200))
    state: Mapped[JobState] = mapped_column(_enum(JobState), default=JobState.WAITING, index=True)
    #: On the database's clock; not before this moment.
    next_at: Mapped[float] = mapped_column(Float, default=0.0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    scan: Mapped[Scan] = relationship()


class RateCount(Base):
    """How often somebody did something in the current window of time (see webapp.ratelimits)."""

    __tablename__ = "rate_count"

    #: Made of keyed digests: no network or mail address can be read from it.
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int] = mapped_column()
    #: On the database's clock.
    expires_at: Mapped[float] = mapped_column(Float, index=True)


class OptOut(Base):
    """A mail address that asked for no more mails, as a keyed digest."""

    __tablename__ = "opt_out"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


__all__ = [
    "FINAL",
    "Batch",
    "JobState",
    "OptOut",
    "OutMail",
    "RateCount",
    "Scan",
    "State",
    "UtcDateTime",
    "clock",
    "now",
]
