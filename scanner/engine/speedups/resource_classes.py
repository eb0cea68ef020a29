"""Make the classes of a codebase's resources and of its own attributes once.

Stock has attrs write and compile both for each codebase, from attributes that its plugins declare once and for all. The
result is the same, since a class depends on nothing but its base and its attributes, and keeps nothing of a codebase.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from commoncode.resource import Codebase, _CodebaseAttributes

from scanner.engine.speedups import Replacement

_stock_build_resource_class = Codebase._build_resource_class
_stock_from_attributes = _CodebaseAttributes.from_attributes

#: By base, names and attributes: the class, and the attributes themselves, so that their ids remain theirs.
_made: dict[tuple[Any, ...], tuple[type, list[Any]]] = {}


def _once(base: str, attributes: Mapping[str, Any] | None, make: Callable[[], Any]) -> Any:
    attributes = attributes or {}
    key = base, *((name, id(attribute), attribute.counter) for name, attribute in attributes.items())
    if key not in _made:
        _made[key] = make(), list(attributes.values())
    return _made[key][0]


def build_resource_class(self: Codebase, *_args: Any, **_kwargs: Any) -> Any:
    """Return the class of a codebase's resources."""
    return _once("Resource", self.resource_attributes, lambda: _stock_build_resource_class(self))


@classmethod  # type: ignore[misc]
def from_attributes(cls: Any, attributes: Mapping[str, Any] | None) -> Any:  # noqa: ARG001  as in stock
    """Return the class of what is known of a codebase as a whole."""
    return _once("CodebaseAttributes", attributes, lambda: _stock_from_attributes(attributes))


REPLACEMENTS = (
    Replacement("commoncode.resource", "Codebase._build_resource_class", "190a0d338f7e5c92", build_resource_class),
    Replacement("commoncode.resource", "_CodebaseAttributes.from_attributes", "3e31e8901f57e5c5", from_attributes),
)
