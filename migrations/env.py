"""How ``flask db upgrade`` reaches the database. Several may be started at once: one does the work, the others wait."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

#: Any number that no other user of the same PostgreSQL database takes for its own advisory lock.
LOCK = 7_226_743_678

#: Seconds that a change of a table may wait for whoever uses it.
PATIENCE = 5

database = current_app.extensions["migrate"].db


def include(_object, name, kind, _reflected, _compare_to) -> bool:
    """Leave alone what others, such as Huey's own queue, keep in the same database."""
    return not (kind == "table" and name not in database.metadata.tables)


with database.engine.connect().execution_options(writes=True) as connection, connection.begin():
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:number)"), {"number": LOCK})
        # Behind a change of a table that waits for its lock wait all who want to read it: better to fail than to stop
        # the site for as long as a backup takes.
        connection.execute(text(f"set local lock_timeout = '{PATIENCE}s'"))
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        include_object=include,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    context.run_migrations()
