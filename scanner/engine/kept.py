"""The child that scanned last, kept at hand for the report of the same scan.

A child costs some fifteen milliseconds to start and to end, and half of what it copies to scan a file it would copy
to put a report together, too: for a small scan that is a good part of the whole.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

from scanner.engine.wire import Wire

#: Findings of so many bytes, packed, are given to a child that has scanned: for more, its limits are too low.
LARGEST = 1_000_000


class Kept:
    """At most one connection to a child that has done what it was asked; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._workspace = ""
        self._roots: Collection[str] = ()

    def keep(self, wire: Wire, workspace: str, roots: Collection[str]) -> None:
        """Keep a child that may read these roots of a workspace, and let go of the one before."""
        self.let_go()
        with self._lock:
            self._wire, self._workspace, self._roots = wire, workspace, roots

    def take(self, workspace: str, root: str, size: int) -> Wire | None:
        """Return the child, if it fits the report wanted of findings of so many bytes; let go of it otherwise."""
        with self._lock:
            wire, self._wire = self._wire, None
            fits = self._workspace == workspace and root in self._roots and size <= LARGEST
        if wire and not fits:
            wire.close()
        return wire if fits else None

    def let_go(self) -> None:
        """Close the connection, which ends the child."""
        with self._lock:
            wire, self._wire = self._wire, None
        if wire:
            wire.close()

    def __del__(self) -> None:
        self.let_go()
