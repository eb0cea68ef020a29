"""What the report has to say about an archive that was unpacked: a few sentences, however many cases there were."""

from __future__ import annotations

#: How many names a sentence gives before it only counts, and how many sentences there are at the most.
_NAMES, _SENTENCES = 5, 50


class Notes:
    def __init__(self) -> None:
        self._cases: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, what: str, name: str) -> None:
        """Keep one case: ``what`` is a clause in the plural, ``name`` the member that it is about."""
        if what not in self._counts and len(self._counts) == _SENTENCES:
            what, name = "There is more to say about these", name
        self._counts[what] = self._counts.get(what, 0) + 1
        if self._counts[what] <= _NAMES:
            self._cases.setdefault(what, []).append(name)

    def sentences(self) -> tuple[str, ...]:
        return tuple(self._sentence(what) for what in self._counts)

    def _sentence(self, what: str) -> str:
        names = ", ".join(self._cases[what])
        more = self._counts[what] - _NAMES
        return f"{what}: {names} and {more:,} more." if more > 0 else f"{what}: {names}."
