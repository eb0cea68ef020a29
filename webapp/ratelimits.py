"""How much one client may ask for. The counts are in the database, so all processes of the site share them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, request
from flask_limiter import Limiter, RouteLimit
from limits.storage import Storage
from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from webapp.extensions import db, writing
from webapp.models import RateCount, clock
from webapp.security import keyed


class DatabaseStorage(Storage):
    """Counters in the application's own database: exact, and shared by all processes."""

    STORAGE_SCHEME = ["database"]  # noqa: RUF012  (the library's own type)

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
        over = RateCount.expires_at < clock()
        fresh = insert(RateCount).values(key=key, count=amount, expires_at=clock() + expiry)
        statement = fresh.on_conflict_do_update(
            index_elements=[RateCount.key],
            set_={
                "count": case((over, amount), else_=RateCount.count + amount),
                "expires_at": case((over, clock() + expiry), else_=RateCount.expires_at),
            },
        ).returning(RateCount.count)
        with writing() as session:
            return int(session.execute(statement).scalar_one())

    def get(self, key: str) -> int:
        return self._read(select(RateCount.count).where(RateCount.key == key, RateCount.expires_at >= clock())) or 0

    def get_expiry(self, key: str) -> float:
        return self._read(select(RateCount.expires_at).where(RateCount.key == key)) or 0.0

    def check(self) -> bool:
        try:
            self._read(select(func.count(RateCount.key)))
        except SQLAlchemyError:
            return False
        return True

    def reset(self) -> int:
        with writing() as session:
            return int(session.execute(delete(RateCount)).rowcount)  # type: ignore[attr-defined]

    def clear(self, key: str) -> None:
        with writing() as session:
            session.execute(delete(RateCount).where(RateCount.key == key))

    def _read(self, statement: Any) -> Any:
        value = db.session.scalar(statement)
        db.session.rollback()
        return value


def client_network(address: str | None = None) -> str:
    """Return whom a request counts for: an IPv4 address, or the /64 that an IPv6 customer has to itself."""
    try:
        ip = ipaddress.ip_address(address if address is not None else request.remote_addr or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def keyed_client() -> str:
    """Return a digest of the client's network that only this site can make: the tables hold no addresses."""
    return keyed(client_network())


def on_this_machine() -> bool:
    """Tell whether the request was typed on the machine that the site runs on: there is nobody to protect from.

    A proxy on this machine is told from it by the header that proxies add, so that a site whose operator forgot
    TRUSTED_PROXIES limits all visitors together rather than none.
    """
    forwarded = request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded")
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback and not forwarded
    except ValueError:
        return False


limiter = Limiter(
    keyed_client,
    storage_uri="database://",
    strategy="fixed-window",
    headers_enabled=False,
    # A counter that cannot be read must not close the site: what it protects from is impolite, not dangerous.
    swallow_errors=True,
)


def submissions(scans: Callable[[], int] = lambda: 1) -> RouteLimit:
    """Limit how many scans one client may submit, in all ways together; ``scans`` counts those of the request."""
    return limiter.shared_limit(
        lambda: current_app.config["RATE_SUBMIT"],
        scope="submit",
        exempt_when=on_this_machine,
        cost=scans,
        error_message="That was a lot of scans at once. Wait a little before the next one; those submitted go on.",
    )


def init_app(app: Flask) -> None:
    """Bind the limits to ``app``."""
    limiter.init_app(app)


def forget_old_counts() -> None:
    """Remove counters that ran out."""
    with writing() as session:
        session.execute(delete(RateCount).where(RateCount.expires_at < clock() - 60))
