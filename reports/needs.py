"""What packages need, as a tree: package, file and scope, dependency, and what that needs in turn."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from reports import details
from reports.rows import PACKAGE
from reports.schema import unpack_clean
from reports.values import Dependency, Package, Page

#: Dependencies of one package that a page of the tree shows.
SHOWN = 25

# The window runs over an index alone, so the data of no dependency but those shown is read.
_FIRST = """
    SELECT package, data FROM dependency WHERE id IN (
      SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY package ORDER BY id) AS place FROM dependency
        WHERE package IN (SELECT value FROM json_each(?))
      ) WHERE place <= ?
    ) ORDER BY id
"""


@dataclass(frozen=True)
class NeedGroup:
    """Dependencies that one file names under one scope."""

    datafile: str
    scope: str
    is_runtime: bool
    is_optional: bool
    items: tuple[Dependency, ...]


@dataclass(frozen=True)
class PackageNeeds:
    """A package with the first of its dependencies."""

    package: Package
    groups: tuple[NeedGroup, ...]
    shown: int  #: dependencies in the groups; ``package.dependencies`` counts all


def trees(db: sqlite3.Connection, page: int, per_page: int) -> Page[PackageNeeds]:
    """Return a page of the packages that need something, each with its first ``SHOWN`` dependencies."""
    query = PACKAGE + "WHERE dependencies > 0 ORDER BY package.id LIMIT ? OFFSET ?"
    packages = [details.to_package(*row) for row in db.execute(query, (per_page, (page - 1) * per_page))]
    total = db.execute("SELECT count(*) FROM package WHERE dependencies > 0").fetchone()[0]
    needs: dict[str, list[Dependency]] = {package.uid: [] for package in packages}
    for uid, data in db.execute(_FIRST, (json.dumps(list(needs)), SHOWN)):
        needs[uid].append(details.to_dependency(uid, unpack_clean(data)))
    items = tuple(PackageNeeds(package, group(needs[package.uid]), len(needs[package.uid])) for package in packages)
    return Page(items, total, page, per_page)


def group(dependencies: Iterable[Dependency]) -> tuple[NeedGroup, ...]:
    """Put together what the same file names under the same scope, in the order in which they come."""
    groups: dict[tuple[str, str, bool, bool], list[Dependency]] = {}
    for need in dependencies:
        groups.setdefault((need.datafile, need.scope, need.is_runtime, need.is_optional), []).append(need)
    return tuple(NeedGroup(*key, tuple(items)) for key, items in groups.items())


def found_here(db: sqlite3.Connection, groups: Iterable[NeedGroup]) -> dict[str, str]:
    """Return which of the packages that are needed are packages of this very report: purl → uid."""
    needs = [need for group in groups for need in group.items]
    purls = sorted({need.resolved.purl if need.resolved else need.purl for need in needs})
    # ScanCode makes a uid from the purl and "?uuid=…"; the range lets the index find it.
    query = """
        SELECT value, min(uid) FROM json_each(?)
        JOIN package ON uid >= value || '?uuid=' AND uid < value || '?uuid>' GROUP BY value
    """
    return dict(db.execute(query, (json.dumps(purls),)))
