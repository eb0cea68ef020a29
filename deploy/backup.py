"""Save all that must not be lost into a folder, while the site runs, and bring it back: ``python -m deploy.backup``.

    python -m deploy.backup save FOLDER       may be repeated: files that are there already are not copied again
    python -m deploy.backup restore FOLDER    into an instance that is empty; then see docs/OPERATIONS.md

Saved are the database, what is stored (sources and reports) and the secret key. Not saved are the queue (doorbells that
the sweep rings again), workspaces and the cache of findings (made again), and the settings in the environment.

The database comes first: a report that is done in it was stored before, so it is among the files that are copied after.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine, inspect, make_url

import config

#: Names in the folder.
SQLITE, POSTGRESQL, STORAGE, KEY, ABOUT = "database.sqlite", "database.dump", "storage", "secret_key", "about.json"
#: Raised if the layout of the folder changes.
FORMAT = 1
#: Tables that a backup must bring back; whatever else is in the database belongs to others, such as Huey.
TABLES = ("alembic_version", "scan")


class CannotDo(Exception):
    """It cannot be saved or brought back; the sentence says why."""


def main() -> None:
    """Do what the command line says; end with one line and 1 if it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.backup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["save", "restore"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        settings = config.load()
        (save if arguments.what == "save" else restore)(settings, arguments.folder.absolute())
    except (CannotDo, config.BadSetting) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error.filename or arguments.folder}: {error.strerror}")


def save(settings: dict[str, Any], folder: Path) -> None:
    """Save into ``folder``. Whatever ends it half-way, the last complete backup there stays complete."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = make_url(settings["DATABASE_URL"])
    sqlite = url.get_backend_name() == "sqlite"
    database = folder / (SQLITE if sqlite else POSTGRESQL)
    draft = database.with_name(f".{database.name}.draft")
    draft.unlink(missing_ok=True)
    if sqlite:
        _copy_sqlite(Path(url.database or ""), draft)
    else:
        if not _holds_tables(url):
            raise CannotDo("The database has no tables of Scanpost.")
        # Huey's tables hold doorbells only.
        _postgresql("pg_dump", url, "--format=custom", "--no-owner", "--exclude-table=huey_*", f"--file={draft}")
    stored = _storage(settings)
    wanted = _copy_new(stored, folder / STORAGE)
    key = settings["INSTANCE"] / KEY
    if key.exists():
        _replace(key, folder / KEY)
    draft.replace(database)
    about = {"format": FORMAT, "saved_at": datetime.now(UTC).isoformat(timespec="seconds"), "files": len(wanted)}
    (folder / ABOUT).write_text(json.dumps(about) + "\n")
    _remove_others(folder / STORAGE, wanted)
    print(f"Saved into {folder}: the database and {len(wanted)} files.")
    if not key.exists():
        print("SECRET_KEY is in the environment: keep it with your other settings.")


def restore(settings: dict[str, Any], folder: Path) -> None:
    """Bring back what ``save`` put into ``folder``. Refuses to touch an instance that holds anything."""
    about = _about(folder)
    url = make_url(settings["DATABASE_URL"])
    name = SQLITE if url.get_backend_name() == "sqlite" else POSTGRESQL
    if not (folder / name).exists():
        raise CannotDo(f"{folder} holds no {name}: it was saved from another kind of database.")
    stored = _storage(settings)
    if stored.exists() and any(stored.iterdir()):
        raise CannotDo(f"{stored} is not empty: restore into a new INSTANCE, or move the old one away.")
    if _holds_tables(url):
        raise CannotDo("The database is not empty: restore into a new one, or move the old one away.")
    _copy_new(folder / STORAGE, stored)
    if (folder / KEY).exists():
        _replace(folder / KEY, settings["INSTANCE"] / KEY)
    if url.get_backend_name() == "sqlite":
        _copy_sqlite(folder / SQLITE, Path(url.database or ""))
    else:
        _postgresql("pg_restore", url, "--no-owner", "--exit-on-error", "--single-transaction", str(folder / name))
    print(f"Restored what was saved at {about['saved_at']}. Now: flask --app wsgi db upgrade, start, and see")
    print("docs/OPERATIONS.md for the scans that were under way then.")


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError):
        raise CannotDo(f"{folder} is no complete backup: its {ABOUT} is missing or damaged.") from None
    if about.get("format") != FORMAT:
        raise CannotDo(f"{folder} was saved in another format ({about.get('format')}, expected {FORMAT}).")
    return dict(about)


def _storage(settings: dict[str, Any]) -> Path:
    url = settings["STORAGE_URL"].removeprefix("file://")
    if "://" in url:
        raise CannotDo("STORAGE_URL is no folder: use the means of that storage for its backup.")
    return Path(url)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, whoever writes to it meanwhile."""
    if not source.exists():
        raise CannotDo(f"There is no database at {source}.")
    try:
        with closing(sqlite3.connect(source, timeout=30)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            (verdict,) = new.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise CannotDo(f"The database {source} cannot be copied: {error}") from error
    if verdict != "ok":
        raise CannotDo(f"The database {source} is damaged: {verdict}")
    target.chmod(0o600)


def _postgresql(program: str, url: URL, *options: str) -> None:
    """Run one of PostgreSQL's own programs; the password goes through the environment, where others cannot see it."""
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    # Not url.set(): to that, None means "as it was".
    bare = url._replace(drivername="postgresql", password=None).render_as_string()
    try:
        result = subprocess.run(
            [program, f"--dbname={bare}", *options], env=environment, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise CannotDo(f"{program} is not installed: it comes with PostgreSQL's client programs.") from None
    if result.returncode:
        raise CannotDo(f"{program} failed: {result.stderr.strip().splitlines()[-1] if result.stderr else 'no word'}")


def _holds_tables(url: URL) -> bool:
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return False
    engine = create_engine(url)
    try:
        return bool(set(TABLES) & set(inspect(engine).get_table_names()))
    finally:
        engine.dispose()


def _copy_new(source: Path, target: Path) -> set[Path]:
    """Copy the files that ``target`` does not have, and return all, relative. What is stored never changes."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = set()
    for path in sorted(source.rglob("*")) if source.exists() else ():
        if not path.is_file() or path.name.startswith("."):
            continue
        name = path.relative_to(source)
        try:
            status = path.stat()
            copy = target / name
            if not (copy.exists() and (copy.stat().st_size, copy.stat().st_mtime_ns) == _identity(status)):
                copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _replace(path, copy)
        except FileNotFoundError:
            # Removed by the retention or a visitor since it was listed.
            continue
        found.add(name)
    return found


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _replace(source: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.draft")
    shutil.copy2(source, draft)
    draft.replace(target)


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    """Remove what the site has removed: a backup must not keep what a visitor has deleted."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder) not in wanted:
            path.unlink()


if __name__ == "__main__":
    main()
