"""Copy, walk and serialise a codebase's resources without doing it twice or by general means.

Each step over a codebase walks all of its resources, some twenty times in a scan, and stock makes two copies of each
resource every time by calling its class with all of its sixty attributes. The result is the same because

- a copy here holds the very same values. Stock's class converts one of them, the path, which leaves a path that is
  clean as it is; for another path, or a class with other converters, stock makes the copy;
- the second copy is of a copy that nobody else holds;
- a name in a folder of clean path gives a clean path, if it has no separators and no dot in front;
- which attributes ``to_dict`` leaves out is decided by their definitions alone, thus once per class; plain values,
  lists and dicts are copied as ``attr.asdict`` does, and other types by ``attr.asdict`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from posixpath import join as posixpath_join
from typing import Any, cast

import attr
from attr import _funcs
from commoncode import resource
from commoncode.resource import Codebase, Resource, ignore_nothing

from scanner.engine.speedups import Replacement

_stock_get_resource = Codebase.get_resource
_stock_parent_path = Resource.parent_path


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
    # A generator within a generator hands each resource through all the levels above it.
    levels = [(self, iter(self.children(codebase)))]
    while levels:
        owner, left = levels[-1]
        for child in left:
            if topdown:
                yield child
            if child.children_names:
                levels.append((child, iter(child.children(codebase))))
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


def children(self: Resource, codebase: Codebase, names: Sequence[str] = ()) -> list[Any]:
    """Return the children of a resource: those without children first, then by name without regard to case."""
    wanted = self.children_names or []
    if names and wanted:
        kids = set(wanted)
        wanted = [name for name in names if name in kids]
    if not wanted:
        return []
    found = _copies(self.path, wanted, codebase) if is_clean(self.path) else None
    if found is None:
        found = [codebase.get_resource(path=posixpath_join(self.path, name)) for name in wanted]
    return sorted((child for child in found if child), key=_child_order)


def _copies(folder: str, names: Sequence[str], codebase: Codebase) -> list[Any] | None:
    """Return copies of the resources of these names in a folder of clean path; None if that takes ``get_resource``."""
    copies = []
    for name in names:
        if not name or name[0] == "." or "/" in name or "\\" in name:
            return None
        path = f"{folder}/{name}"
        found = codebase.resources_by_path.get(path)
        if not isinstance(found, Resource) or found.path != path:
            return None
        copy = _copier(found.__class__)
        if copy is None:
            return None
        copies.append(copy(found))
    return copies


def parent_path(self: Resource) -> Any:
    """Return the path of the folder that a resource is in; false for the root."""
    if self.has_parent() and is_clean(self.path):
        folder = self.path.rpartition("/")[0]
        if folder:
            return folder
    return _stock_parent_path(self)


def _child_order(child: Any) -> tuple[bool, str, str]:
    return bool(child.children_names), child.name.lower(), child.name


@cache
def _reported_names(cls: type) -> tuple[str, ...]:
    """Return the names of the attributes of a class that reports list: those that plain resources do not have."""
    is_reported = attr.filters.exclude(*attr.fields(Resource))
    return tuple(field.name for field in attr.fields(cls) if is_reported(field, None))


def plain(value: Any) -> Any:
    """Return a deep copy of a value, with lists for other collections, as ``attr.asdict`` makes it."""
    kind = value.__class__
    if kind in _funcs._ATOMIC_TYPES:
        return value
    if kind is list:
        return [plain(item) for item in value]
    if kind is dict:
        return {key if key.__class__ is str else _other(key, True): plain(item) for key, item in value.items()}
    return _other(value, False)


def _other(value: Any, is_key: bool) -> Any:
    return _funcs._asdict_anything(
        value,
        is_key=is_key,
        filter=attr.filters.exclude(*attr.fields(Resource)),
        dict_factory=dict,
        retain_collection_types=False,
        value_serializer=None,
    )


def to_dict(
    self: Any,
    with_timing: bool = False,
    with_info: bool = False,
    skinny: bool = False,
    full_root: bool = False,
    strip_root: bool = False,
) -> dict[str, Any]:
    """Return a resource and its findings as plain data."""
    found: dict[str, Any] = {"path": self.get_path(full_root=full_root, strip_root=strip_root), "type": self.type}
    if skinny:
        return found
    if with_info:
        found |= {name: getattr(self, name) for name in ("name", "base_name", "extension", "size")}
    found |= {name: plain(getattr(self, name)) for name in _reported_names(self.__class__)}
    if with_timing:
        found |= {"scan_time": self.scan_time or 0, "scan_timings": self.scan_timings or {}}
    if with_info:
        found |= {name: getattr(self, name) for name in ("files_count", "dirs_count", "size_count")}
    found["scan_errors"] = self.scan_errors
    return found


REPLACEMENTS = (
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
        "Resource.to_dict",
        "21bb17e1068d8862",
        to_dict,
        relies_on={"attr._funcs:": "231e481134dfcf91"},
    ),
)
