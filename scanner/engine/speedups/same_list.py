"""Remember something of a list that stock goes through again and again, as long as it stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class SameList:
    """A key for ``lru_cache``: the same list of as many, where items are only ever appended or taken out."""

    items: list[Any]
    count: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameList) and self.items is other.items and self.count == other.count

    def __hash__(self) -> int:
        return id(self.items)


def same(items: list[Any]) -> SameList:
    return SameList(items, len(items))
