"""What passes between the parts of the scanner: plain, frozen values that travel as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

#: Called with what is done and, where known, the whole (bytes or files). It may raise, for example
#: ``Cancelled`` or an exception of the caller's own: whoever calls it cleans up and lets that pass.
Progress = Callable[[int, int | None], None]


def no_progress(done: int, whole: int | None) -> None:
    """Ignore progress."""


@dataclass(frozen=True)
class Source:
    """What a pasted text turned out to be, after it was fetched."""

    kind: str  #: a name from the table of kinds in scanner.sources: "file", "git", "package", …
    asked: str  #: the text that was pasted, without surrounding white space
    title: str  #: what to call it, for people: "express-4.21.2.tgz", "npm express 4.21.2"
    filename: str  #: the name that the fetched file goes by; decides names in the report, never a path on this machine
    url: str | None = None  #: where the bytes came from, after redirects
    version: str | None = None
    commit: str | None = None
    purl: str | None = None
    declared_license: str | None = None  #: as the registry states it, if it states one
    sha256: str | None = None  #: of the fetched file
    size: int | None = None  #: of the fetched file, bytes
    notes: tuple[str, ...] = ()  #: sentences for the report, such as "newest version taken"
    layers: tuple[str, ...] = ()  #: digests of a container image's layers, the lowest first

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Source:
        return cls(**{**data, **{name: tuple(data.get(name, ())) for name in ("notes", "layers")}})


@dataclass(frozen=True)
class FileEntry:
    """One regular file of a workspace."""

    path: str  #: relative to the workspace, "/" between names; begins with the root's name, as in ScanCode's reports
    size: int  #: bytes
    sha256: str

    def as_list(self) -> list[Any]:
        return [self.path, self.size, self.sha256]


@dataclass(frozen=True)
class FileFindings:
    """What the scanners say of one file: the attributes that stock ScanCode sets on its resource."""

    path: str  #: as in FileEntry
    results: dict[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    seconds: float = 0.0  #: CPU time spent on it; 0 where the findings were known before
    complete: bool = True  #: whether no limit on time or memory can have cut the scan short

    def as_dict(self) -> dict[str, Any]:
        # Not ``asdict``, which copies the results through and through.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FileFindings:
        return cls(data["path"], data["results"], tuple(data["errors"]), data["seconds"], data.get("complete", True))


@dataclass(frozen=True)
class EngineVersion:
    """All that decides what the engine finds, apart from the file and the options."""

    scancode: str  #: version of scancode-toolkit
    license_index: str  #: digest of the licence and rule data
    revision: str  #: of this project's own engine: changes whenever its output could

    def __str__(self) -> str:
        return f"{self.scancode}-{self.license_index}-{self.revision}"
