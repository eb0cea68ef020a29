"""What passes between a scan and the process that unpacks for it.

In: one line of JSON, a ``Request``. Out: lines of JSON, ``{"bytes": n}`` while it works and in the end one of
``{"done": {"archive": bool, "notes": [...]}}`` and ``{"error": {"kind": …, "sentence": …, "advice": …}}``, where
kind is the name of a class of ``scanner.errors``; beside an error that nobody foresaw, ``trace`` for the log.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """What is to be unpacked, and where."""

    archive: str
    name: str
    folder: str
    limits: dict[str, int]
    parent: int  #: process id; the child dies with it
