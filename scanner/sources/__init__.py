"""What people paste, and what it means: one module per kind, one table of kinds.

``recognise`` reads a text without asking anybody; ``fetch`` brings what it stands for here, as exactly one file.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from scanner import urls
from scanner.addresses import Gate
from scanner.errors import SourceRefused
from scanner.fetch import Client
from scanner.limits import Limits
from scanner.registries import Registries
from scanner.results import Progress, Source, no_progress
from scanner.sources import files, git, images, packages
from scanner.sources.base import Access, Request

__all__ = ["Access", "Registries", "Request", "fetch", "recognise"]

#: Asked in this order; the first that takes a text has it. Files are last because they take every address.
_KINDS: tuple[ModuleType, ...] = (packages, images, git, files)


def recognise(text: str, access: Access = Access()) -> Request:  # noqa: B008 - frozen
    """Return what a pasted text asks for, without any network; raise SourceRefused with a sentence if it is nothing."""
    text = _bare(text)
    urls.refuse_shape(text)
    for kind in _KINDS:
        request: Request | None = kind.recognise(text, access)
        if request is not None:
            return request
    raise SourceRefused("This is not something that can be scanned.")


def _bare(text: str) -> str:
    """Return the text without what stands around an address in a lock file, a mail or a shell."""
    text = re.sub(r"^\"?(?:resolved|url)\"?:? +(?=\")", "", text.strip()).removesuffix(",")
    quoted = re.fullmatch(r"<(\S*)>|\"([^\"]*)\"|'([^']*)'|`([^`]*)`", text)
    return next(inner for inner in quoted.groups() if inner is not None).strip() if quoted else text


def fetch(
    request: Request,
    folder: Path,
    *,
    gate: Gate,
    limits: Limits,
    progress: Progress = no_progress,
    access: Access = Access(),  # noqa: B008 - frozen
) -> tuple[Source, Path]:
    """Bring what was asked for into the folder as exactly one file, and say what it is.

    Raises FetchError, LimitExceeded, SourceRefused, and whatever ``progress`` raises; the folder is then as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Client(gate, limits, progress=progress, access=access) as client:
        return request.fetch(client, folder)
