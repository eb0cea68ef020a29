"""Copy and walk a codebase's resources without doing it twice or by general means.

Each step over a codebase walks all of its resources, some twenty times in a scan, and stock makes two copies of each
resource every time by calling its class with all of its sixty attributes. The result is the same because

- a copy here holds the very same values. Stock's class converts one of them, the path, which leaves a path that is
  clean as it is; for another path, or a class with other converters, stock makes the copy;
- the second copy is of a copy that nobody else holds;
- a name in a folder of clean path gives a clean path, if it has no separators and no dot in front.

``stored`` and ``Uncopied`` are for steps that keep to what the former's docstring says: they copy nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from posixpath import join as posixpath_join
from typing import Any, cast

import attr
from commoncode import resource
from commoncode.resource import Codebase, Resource, ignore_nothing

from scanner.engine.speedups import Replacement

_stock_clean_path = resource.clean_path
_stock_get_resource = Codebase.get_resource
_stock_parent_path = Resource.parent_path
_stock_distance = Resource.distance


@cache
def _copier(cls: Any) -> Callable[[Any], Any] | None:
    """Return a function that copies an object of a class attribute by attribute, or None if that is not enough.

    As attrs does for ``__init__``, the function is written out: a loop over sixty names takes three times as long.
    """
    fields = attr.fields(cls)
    names = [field.name for field in fields]
    if not all(field.init and field.name.isidentifier() for field in fields):
        return None
    if any(field.converter for field in fields if field.name != "path"):
        return None
    if fields.path.converter is not resource.to_decoded_posix_path:
        return None
    lines = ["def copy(original):", "    made = new(cls)", *(f"    made.{name} = original.{name}" for name in names)]
    scope: dict[str, Any] = {"new": cls.__new__, "cls": cls}
    exec("\n".join([*lines, "    return made"]), scope)  # noqa: S102 - of the names of a class's own attributes.
    return cast(Callable[[Any], Any], scope["copy"])


def copied(original: Any) -> Any:
    """Return what ``attr.evolve`` makes of a resource."""
    copy = _copier(original.__class__)
    if copy is None or not is_clean(original.path):
        return attr.evolve(original)
    return copy(original)


def is_clean(path: Any) -> bool:
    """Tell whether a path certainly is what ``clean_path`` makes of it. Names with a leading dot are not tried."""
    return isinstance(path, str) and not (
        not path or path[0] == "." or path[-1] == "/" or "\\" in path or "//" in path or "/." in path
    )


def clean_path(path: Any) -> Any:
    """Return a path as codebases know it: with slashes, without one at its end, and without dots for names."""
    return path if is_clean(path) else _stock_clean_path(path)


def get_resource(self: Codebase, path: str) -> Any:
    """Return a copy of the resource at a path that begins with the root's name, or None if there is none."""
    if is_clean(path):
        found = self.resources_by_path.get(path)
        if isinstance(found, Resource):
            return copied(found)
    return _stock_get_resource(self, path)


def walk_codebase(
    self: Codebase, topdown: bool = True, skip_root: bool = False, ignored: Callable[..., Any] = ignore_nothing
) -> Iterator[Any]:
    """Yield all resources of a codebase, depth first."""
    root = self.root
    if ignored(resource=root, codebase=self):
        return
    root = copied(root)
    if self.has_single_resource or (skip_root and not root.has_children()):
        skip_root = False
    if topdown and not skip_root:
        yield root
    yield from root.walk(self, topdown=topdown, ignored=ignored)
    if not topdown and not skip_root:
        yield root


def walk(
    self: Resource, codebase: Codebase, topdown: bool = True, ignored: Callable[..., Any] = ignore_nothing
) -> Iterator[Any]:
    """Yield all descendants of a resource, depth first."""
    if ignored is not ignore_nothing:
        yield from _walk_with_ignored(self, codebase, topdown, ignored)
        return
    yield from _below(self, topdown, lambda folder: folder.children(codebase))


def _below(top: Any, topdown: bool, children_of: Callable[[Any], Sequence[Any]]) -> Iterator[Any]:
    """Yield all descendants of a resource, depth first."""
    # A generator within a generator hands each resource through all the levels above it.
    levels = [(top, iter(children_of(top)))]
    while levels:
        owner, left = levels[-1]
        for child in left:
            if topdown:
                yield child
            if child.children_names:
                levels.append((child, iter(children_of(child))))
                break
            if not topdown:
                yield child
        else:
            levels.pop()
            if levels and not topdown:
                yield owner


def _walk_with_ignored(self: Any, codebase: Codebase, topdown: bool, ignored: Callable[..., Any]) -> Iterator[Any]:
    for child in self.children(codebase):
        if ignored(child, codebase):
            continue
        if topdown:
            yield child
        if child.children_names:
            # Stock asks for each descendant again at every level above it.
            yield from (found for found in child.walk(codebase, topdown, ignored) if not ignored(found, codebase))
        if not topdown:
            yield child


def children(self: Resource, codebase: Codebase | Uncopied, names: Sequence[str] = ()) -> list[Any]:
    """Return the children of a resource: those without children first, then by name without regard to case."""
    if isinstance(codebase, Uncopied) and not names:
        return stored_children(self, codebase.codebase)
    wanted = self.children_names or []
    if names and wanted:
        kids = set(wanted)
        wanted = [name for name in names if name in kids]
    if not wanted:
        return []
    ordered = None if names else _in_order(self, codebase)
    found = _stored_children(self.path, wanted, codebase) if ordered is None else ordered
    copy = _copier(found[0].__class__) if found and len({child.__class__ for child in found}) == 1 else None
    if found is None or copy is None:
        found = [codebase.get_resource(path=posixpath_join(self.path, name)) for name in wanted]
    else:
        found = list(map(copy, found))
        if ordered is not None:
            return found
    return sorted((child for child in found if child), key=child_order)


def _stored_children(folder: str, names: Sequence[str], codebase: Codebase) -> list[Any] | None:
    """Return the resources of these names in a folder themselves; None if that takes ``get_resource``."""
    if not is_clean(folder):
        return None
    found = []
    for name in names:
        if not name or name[0] == "." or "/" in name or "\\" in name:
            return None
        path = f"{folder}/{name}"
        child = codebase.resources_by_path.get(path)
        if not isinstance(child, Resource) or child.path != path:
            return None
        found.append(child)
    return found


def stored(codebase: Codebase, topdown: bool = True) -> Iterator[Any]:
    """Yield the resources that ``Codebase.walk`` yields copies of, in its order.

    For those who change nothing of a resource, or save it at once. Where a codebase keeps some on disk, or has paths
    that are not clean, there are copies among them.
    """
    root = codebase.root
    if topdown:
        yield root
    yield from _below(root, topdown, lambda folder: stored_children(folder, codebase))
    if not topdown:
        yield root


class Uncopied:
    """A codebase whose walks, and whose resources when asked for their children, give the resources themselves."""

    def __init__(self, codebase: Any) -> None:
        self.codebase = codebase

    def __getattr__(self, name: str) -> Any:
        return getattr(self.codebase, name)

    def walk(self, topdown: bool = True) -> Iterator[Any]:
        return stored(self.codebase, topdown)


@dataclass(frozen=True)
class _Order:
    """In which order the children of a folder come, as long as they and what they are does not change."""

    names: list[str]
    paths: list[str]
    folders_from: int  #: how many come before the first that has children


_children_names = attrgetter("children_names")
#: By the path of the folder, for the codebase with these resources: it takes neither attributes nor weak references.
_orders: tuple[Any, dict[str, _Order]] = (None, {})


def forget() -> None:
    """Let go of the last codebase."""
    global _orders
    _orders = None, {}


def _orders_of(codebase: Codebase) -> dict[str, _Order]:
    global _orders
    if _orders[0] is not codebase.resources_by_path:
        _orders = codebase.resources_by_path, {}
    return _orders[1]


def stored_children(folder: Any, codebase: Codebase) -> list[Any]:
    """Return the children of a resource as ``children`` does, but themselves where that is possible."""
    if not folder.children_names:
        return []
    found = _in_order(folder, codebase)
    return children(folder, codebase) if found is None else found


def _in_order(folder: Any, codebase: Codebase) -> list[Any] | None:
    """Return the children of a resource themselves, in their order; None if that takes ``get_resource``."""
    names = folder.children_names
    orders = _orders_of(codebase)
    known = orders.get(folder.path)
    if known is not None and known.names == names:
        found = list(map(codebase.resources_by_path.get, known.paths))
        try:
            theirs = list(map(_children_names, found))
        except AttributeError:
            # One is on disk, or gone.
            return None
        if not any(theirs[: known.folders_from]) and all(theirs[known.folders_from :]):
            return found
    unsorted = _stored_children(folder.path, names, codebase)
    if unsorted is None:
        return None
    found = sorted(unsorted, key=child_order)
    files = sum(not child.children_names for child in found)
    orders[folder.path] = _Order(list(names), [child.path for child in found], files)
    return found


def parent_path(self: Resource) -> Any:
    """Return the path of the folder that a resource is in; false for the root."""
    if self.has_parent() and is_clean(self.path):
        folder = self.path.rpartition("/")[0]
        if folder:
            return folder
    return _stock_parent_path(self)


def distance(self: Resource, codebase: Codebase) -> int:
    """Return how many folders below the root a resource is."""
    if self.is_root:
        return 0
    if is_clean(self.path):
        path, steps = self.path, 0
        while path:
            path, steps = path.rpartition("/")[0], steps + 1
            above = codebase.resources_by_path.get(path)
            if not isinstance(above, Resource):
                break
            if above.is_root:
                return steps
    return int(_stock_distance(self, codebase))


def child_order(child: Any) -> tuple[bool, str, str]:
    return bool(child.children_names), child.name.lower(), child.name


REPLACEMENTS = (
    Replacement(
        "commoncode.resource",
        "clean_path",
        "73c1c064033d913c",
        clean_path,
        also_in=("licensedcode.detection",),
    ),
    Replacement(
        "commoncode.resource",
        "Codebase.get_resource",
        "d5b874e06183a75b",
        get_resource,
        relies_on={
            "commoncode.resource:clean_path": "73c1c064033d913c",
            "commoncode.resource:to_decoded_posix_path": "01f848f7458e592d",
        },
    ),
    Replacement("commoncode.resource", "Codebase.walk", "86d257c2bb7a663e", walk_codebase),
    Replacement(
        "commoncode.resource",
        "Resource.walk",
        "35002e6882be4e8a",
        walk,
        relies_on={"commoncode.resource:Resource.has_children": "e0f7c281a859a90e"},
    ),
    Replacement("commoncode.resource", "Resource.children", "eca4f36d22417884", children),
    Replacement(
        "commoncode.resource",
        "Resource.parent_path",
        "96fd29b0ffde0570",
        parent_path,
        relies_on={
            "commoncode.fileutils:parent_directory": "758cf80b282401f5",
            "commoncode.fileutils:split_parent_resource": "c4c179377787b636",
        },
    ),
    Replacement(
        "commoncode.resource",
        "Resource.distance",
        "10298038e1dd0586",
        distance,
        relies_on={
            "commoncode.resource:Resource.ancestors": "7deb9c33f104ad27",
            "commoncode.resource:Resource.parent": "6626092a1268fa3a",
        },
    ),
)
