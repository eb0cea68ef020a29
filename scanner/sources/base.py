"""What all kinds of sources share: the request that a text becomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from scanner.access import Access
from scanner.errors import FetchError
from scanner.fetch import Client
from scanner.results import Source

__all__ = ["Access", "Client", "Request", "making_sense_of"]


@contextmanager
def making_sense_of(client: Client, who: str) -> Iterator[None]:
    """Turn what goes wrong with an answer of an unexpected shape into the sentence that it cannot be understood."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if client.wire.raised is error:
            raise
        raise FetchError(f"{who} answered with something that cannot be understood.") from error


@dataclass(frozen=True)
class Request(ABC):
    """What a pasted text asks for."""

    kind: ClassVar[str]  #: a name from the table of kinds

    asked: str  #: the text, without surrounding white space
    title: str  #: what to call it, for people: "express-4.21.2.tgz"
    understood: str  #: how the form says it back: "npm package express, newest version"

    @abstractmethod
    def fetch(self, client: Client, folder: Path) -> tuple[Source, Path]:
        """Bring it into the folder as exactly one file."""
