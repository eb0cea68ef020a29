"""A database of its own on the PostgreSQL of this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

SERVER = "postgresql://root@127.0.0.1:5432"


@contextmanager
def temporary_database() -> Iterator[str]:
    """Give the URL of an empty database that is dropped when the block ends."""
    name = f"scanpost_test_{secrets.token_hex(6)}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")  # type: ignore[arg-type]
        try:
            yield f"{SERVER}/{name}"
        finally:
            connection.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]
