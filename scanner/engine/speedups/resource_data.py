"""Make plain data of a resource without asking anew which attributes that takes.

Which attributes ``to_dict`` leaves out is decided by their definitions alone, thus once per class; plain values, lists
and dicts are copied as ``attr.asdict`` does, and other types by ``attr.asdict`` itself. Who only writes the data as
JSON needs no copy (``uncopied``): the encoder knows lists, dicts and what derives from them, and asks ``other`` for the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from typing import Any

import attr
from attr import _funcs
from commoncode.resource import Resource

from scanner.engine.speedups import Replacement


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


@cache
def _getter(cls: type) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that gives all reported attributes of an object of a class."""
    names = _reported_names(cls)
    # Of one name attrgetter would give the value, not a tuple of it, and of none there is none.
    return attrgetter(*names) if len(names) > 1 else lambda resource: tuple(getattr(resource, name) for name in names)


def _themselves(resource: Any) -> tuple[Any, ...]:
    return _getter(resource.__class__)(resource)


def _plain_values(resource: Any) -> Iterable[Any]:
    return map(plain, _themselves(resource))


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
    return _data(self, _plain_values, with_timing, with_info, skinny, full_root, strip_root)


def uncopied(resource: Any, with_timing: bool, with_info: bool, full_root: bool, strip_root: bool) -> dict[str, Any]:
    """Return what ``to_dict`` does, with the resource's own values, to be written at once with ``other``'s help."""
    return _data(resource, _themselves, with_timing, with_info, False, full_root, strip_root)


def other(value: Any) -> Any:
    """Return as plain data a value that JSON does not know. Raise TypeError where ``to_dict`` leaves it as it is."""
    data = _other(value, False)
    if data is value:
        raise TypeError(f"Object of type {value.__class__.__name__} is not JSON serializable")
    return data


def _data(
    self: Any,
    values_of: Callable[[Any], Iterable[Any]],
    with_timing: bool,
    with_info: bool,
    skinny: bool,
    full_root: bool,
    strip_root: bool,
) -> dict[str, Any]:
    found: dict[str, Any] = {"path": self.get_path(full_root=full_root, strip_root=strip_root), "type": self.type}
    if skinny:
        return found
    if with_info:
        found |= {name: getattr(self, name) for name in ("name", "base_name", "extension", "size")}
    found.update(zip(_reported_names(self.__class__), values_of(self), strict=True))
    if with_timing:
        found |= {"scan_time": self.scan_time or 0, "scan_timings": self.scan_timings or {}}
    if with_info:
        found |= {name: getattr(self, name) for name in ("files_count", "dirs_count", "size_count")}
    found["scan_errors"] = self.scan_errors
    return found


REPLACEMENTS = (
    Replacement(
        "commoncode.resource",
        "Resource.to_dict",
        "21bb17e1068d8862",
        to_dict,
        relies_on={"attr._funcs:": "231e481134dfcf91"},
    ),
)
