"""How many SQL statements an answer takes: of the database, and of the report's own file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event

#: The pages of a report, below its address, with what stands in a report of ``tests.reports.scans.build_large``.
UID = "pkg:npm/p0@1.0?uuid=00000000-0000-0000-0000-000000000000".replace("?", "%3F")
FILE = "root/group000/part00/file000005.c"
LARGE_PAGES = {
    "summary": "",
    "licences": "/licences",
    "licence": "/licences/mit",
    "holders": "/holders",
    "files": "/files",
    "folder": "/files?folder=root/group000/part00",
    "file": f"/file?path={FILE}",
    "packages": "/packages",
    "package": f"/package?uid={UID}",
    "dependencies": "/dependencies",
    "of no package": "/dependencies/of-no-package",
    "errors": "/errors",
    "about": "/about",
    "filter: licence": "/files?license=mit",
    "filter: category": "/files?category=Copyleft",
    "filter: holder": "/files?holder=Everybody+Inc.",
    "filter: package": f"/files?package={UID}",
    "filter: language": "/files?language=Python",
    "filter: folder, all below": "/files?folder=root/group000&no_license=1",
    "filter: no licence": "/files?no_license=1",
    "filter: error": "/files?has_error=1",
    "filter: five at once": "/files?license=mit&category=Permissive&language=C&holder=Everybody+Inc.&path=file",
    "search: path": "/files?path=file00",
    "search: path, two letters": "/files?path=fi",
    "search: finding": "/files?text=Holder+1",
    "search: finding, two letters": "/files?text=Ho",
    "search: nothing": "/files?path=no-such-path",
    "page 9 of all": "/files?path=c&page=9",
    "status.json": "/status.json",
    "badge.svg": "/badge.svg",
}


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Give a list that every statement is added to."""
    found: list[str] = []
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def connect_traced(address: Any, *args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(address, *args, **options)
        # Reports are opened by an address; the database's own connections are counted by SQLAlchemy.
        if str(address).startswith("file:"):
            connection.set_trace_callback(_noter(found))
        return connection

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with patch("sqlite3.connect", connect_traced):
            yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _noter(found: list[str]) -> Callable[[str], None]:
    def note(statement: str) -> None:
        # FTS5 reads its own tables with statements that show up as comments.
        if not statement.startswith("--"):
            found.append(statement)

    return note
