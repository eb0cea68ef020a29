"""What a report answers with: plain, frozen values.

Every text in them can be written as UTF-8 (see ``reports.words.clean``) but is otherwise a stranger's: escape it.
Paths begin with the name of the scanned root. Numbers count files, not folders, unless the name says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from reports.words import license_keys

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    total: int  #: items on all pages together
    number: int  #: of this page, from 1
    per_page: int

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // self.per_page))


@dataclass(frozen=True)
class Header:
    """How the scan was made."""

    tool: str  #: "scancode-toolkit"
    version: str
    notice: str  #: ScanCode's own, to be shown with its results
    started: str  #: as ScanCode writes it, "2026-11-22T123046.428528"
    ended: str
    duration: float  #: seconds
    spdx_license_list: str  #: version of the SPDX licence list that was used, "" if not stated
    output_format: str
    options: dict[str, Any]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Tally:
    """A value and how often ScanCode counted it; ``value`` is None for "nothing found"."""

    value: str | None
    count: int


@dataclass(frozen=True)
class Clarity:
    """ScanCode's licence clarity score and its parts, in words in ``reports.words.CLARITY``."""

    score: int  #: 0 to 100
    parts: dict[str, bool]  #: "declared_license", "identification_precision", "has_license_text", …


@dataclass(frozen=True)
class Expression:
    """A licence expression with the licences that it names."""

    expression: str  #: with ScanCode's keys
    spdx: str
    licenses: tuple[License, ...]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of its licences, each once, in the expression's order."""
        return tuple(dict.fromkeys(license.category for license in self.licenses))


@dataclass(frozen=True)
class License:
    """One licence (or exception) of ScanCode's licence database, as found in this report."""

    key: str
    spdx: str  #: SPDX id, or "LicenseRef-scancode-…"
    name: str
    category: str
    is_exception: bool
    is_unknown: bool  #: stands for "some licence is meant here, which one is not known"
    files: int  #: files whose detected expression names it


@dataclass(frozen=True)
class LicenseText:
    """All that ScanCode knows of a licence."""

    license: License
    text: str
    homepage: str
    owner: str
    notes: str
    spdx_url: str
    database_url: str  #: its page in the ScanCode LicenseDB
    data: dict[str, Any]  #: ScanCode's "license_references" item


@dataclass(frozen=True)
class Summary:
    """ScanCode's answer to "may I use this?"."""

    declared: Expression | None
    clarity: Clarity | None
    primary_language: str
    holder: str  #: the declared holder or holders
    other_licenses: tuple[Tally, ...]
    other_holders: tuple[Tally, ...]
    other_languages: tuple[Tally, ...]
    key_files: tuple[tuple[str, str], ...]  #: (path, SPDX expression) of the key files that state a licence; at most 20

    @property
    def stating(self) -> tuple[tuple[str, str], ...]:
        """The key files that state the declared licence or a part of it."""
        return tuple(item for item in self.key_files if self._declares(item[1]))

    @property
    def dissenting(self) -> tuple[tuple[str, str], ...]:
        """The key files that state nothing but other licences."""
        return tuple(item for item in self.key_files if not self._declares(item[1]))

    def _declares(self, spdx: str) -> bool:
        declared = {license.spdx for license in self.declared.licenses} if self.declared else set()
        return not declared.isdisjoint(license_keys(spdx))

    @property
    def packages_alone(self) -> bool:
        """Tell whether the declared licence is a package's alone: then ScanCode found none that it could score."""
        return bool(self.declared and self.clarity and not self.clarity.parts.get("declared_license"))


@dataclass(frozen=True)
class Counts:
    """Totals of a report."""

    files: int = 0
    folders: int = 0  #: the root among them, where it is a folder
    bytes: int = 0
    failed: int = 0  #: files with at least one error
    errors: int = 0  #: errors of all files together
    unlicensed: int = 0  #: files in which no licence was detected
    packages: int = 0
    dependencies: int = 0
    detections: int = 0  #: unique ones
    licenses: int = 0  #: different licence keys in files
    holders: int = 0


@dataclass(frozen=True)
class Share:
    """A value and the number of files that have it."""

    value: str
    files: int


@dataclass(frozen=True)
class Detection:
    """A unique licence detection."""

    identifier: str  #: stable between scans: made from the matched text and rules
    expression: str
    spdx: str
    categories: tuple[str, ...]
    count: int  #: places where it was found
    rules: tuple[str, ...]  #: identifiers of those that matched at the first place, each once
    score: float  #: the lowest of its matches there


@dataclass(frozen=True)
class Match:
    """A stretch of text that matched a rule."""

    expression: str
    spdx: str
    path: str  #: the file that the lines are of; another file's where the licence was found by following a reference
    start_line: int
    end_line: int
    score: float  #: 0 to 100
    coverage: float  #: percent of the rule's words that were found
    relevance: int  #: of the rule, 0 to 100
    length: int  #: matched words
    matcher: str  #: "1-hash", "2-aho", "3-seq", "1-spdx-id", …
    rule: str  #: identifier, for ``Report.rule``
    rule_url: str
    text: str  #: "" unless ScanCode kept it


@dataclass(frozen=True)
class Place:
    """Where a unique detection was found."""

    path: str
    in_package: bool  #: in a package's manifest, read as its licence statement
    start_line: int
    end_line: int
    score: float  #: the lowest of its matches
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class DetectionDetail:
    """A unique detection with a page of its places."""

    detection: Detection
    matches: tuple[Match, ...]  #: ScanCode's reference matches: those of the first place
    log: tuple[str, ...]  #: why ScanCode decided so, where it says
    places: Page[Place]


@dataclass(frozen=True)
class Rule:
    """A rule of ScanCode's licence index, one that matched."""

    identifier: str
    expression: str
    text: str
    kind: str  #: "text", "notice", "reference", "tag", "intro", "clue" or ""
    relevance: int
    url: str
    data: dict[str, Any]  #: ScanCode's "license_rule_references" item


@dataclass(frozen=True)
class Package:
    """A package found in its manifest."""

    uid: str
    purl: str
    type: str
    name: str  #: with namespace: "@babel/core"
    version: str
    declared: str | None  #: expression with ScanCode's keys
    declared_spdx: str | None
    statement: str  #: the licence as the manifest states it
    detected: tuple[Share, ...]  #: SPDX expressions of its files ("" for none), most frequent first; at most 1,000
    undeclared: tuple[str, ...] | None  #: SPDX ids in its files that it does not declare; None if nothing to compare
    holder: str
    homepage: str
    description: str
    datafiles: tuple[str, ...]
    files: int
    dependencies: int
    data: dict[str, Any]  #: ScanCode's "packages" item

    @property
    def agrees(self) -> bool | None:
        """False where its files name a licence that it does not declare; None if nothing can be compared."""
        return None if self.undeclared is None else not self.undeclared


@dataclass(frozen=True)
class Dependency:
    """What a package, or a manifest on its own, says it needs."""

    purl: str
    name: str  #: with namespace, from the purl
    version: str  #: from the purl; "" where the requirement leaves it open
    requirement: str
    scope: str
    is_runtime: bool
    is_optional: bool
    is_pinned: bool
    is_direct: bool
    datafile: str
    package: str | None  #: uid of the package that needs it
    resolved: Resolved | None = None  #: what it was settled on, where a lockfile or the like says so


@dataclass(frozen=True)
class Resolved:
    """The very package that a dependency was settled on, as far as the file that settles it tells."""

    purl: str
    declared_spdx: str | None
    needs: tuple[Dependency, ...]  #: what that package needs in turn


@dataclass(frozen=True)
class FileRow:
    """A file or folder in a list."""

    id: int  #: its number in the order of the tree; stable within a report
    path: str
    name: str
    is_file: bool
    size: int  #: bytes; of a folder: of all files in it
    language: str | None
    expression: str | None
    spdx: str | None
    categories: tuple[str, ...]  #: those that ask most of the reader first
    errors: int  #: of a folder: of all files in it
    files: int  #: of a folder: files in it, at any depth
    folders: int
    unlicensed: int = 0  #: of a folder: files in it without a licence
    licenses: tuple[Share, ...] = ()  #: of a folder: licence keys of its files, most frequent first


@dataclass(frozen=True)
class Folder:
    """A folder with a page of what is directly in it: folders first, then files, each by name."""

    row: FileRow
    parents: tuple[tuple[str, str], ...]  #: (name, path) from the root down to, without, the folder itself
    children: Page[FileRow]


@dataclass(frozen=True)
class FileDetection:
    """A detection in one file."""

    identifier: str
    expression: str
    spdx: str
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Finding:
    """A copyright, holder, author, email or URL, and its lines."""

    value: str
    start_line: int
    end_line: int


@dataclass(frozen=True)
class FileDetail:
    """Everything that is known of one file."""

    row: FileRow
    parents: tuple[tuple[str, str], ...]
    detections: tuple[FileDetection, ...]
    clues: tuple[Match, ...]  #: too little to call it a detection
    copyrights: tuple[Finding, ...]
    holders: tuple[Finding, ...]
    authors: tuple[Finding, ...]
    emails: tuple[Finding, ...]
    urls: tuple[Finding, ...]
    errors: tuple[str, ...]
    packages: tuple[str, ...]  #: uids of the packages that it belongs to
    stored_path: str  #: as ScanCode wrote it: for opening the file, never for showing
    layer: int | None  #: number of the container image's layer that it came with, from 1
    data: dict[str, Any]  #: ScanCode's "files" item, cleaned


@dataclass(frozen=True)
class Filters:
    """Which files to list; all that are set have to hold."""

    path: str = ""  #: part of the path, in any case
    folder: str = ""  #: path of a folder: files in it, at any depth
    license: str = ""  #: key
    category: str = ""
    holder: str = ""
    package: str = ""  #: uid
    language: str = ""
    layer: str = ""  #: number of a container image's layer, from 1
    text: str = ""  #: part of a finding (copyright, author, email, URL, licence expression, error), in any case
    has_error: bool = False
    no_license: bool = False

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class FileList:
    """A page of the files that pass, in the order of the tree, and how the passing files divide."""

    files: Page[FileRow]
    #: Values, most frequent first, by kind, "license", "category", "holder", "package", "language" or "layer".
    facets: dict[str, tuple[Share, ...]]
    failed: int  #: passing files with errors
    unlicensed: int  #: passing files without a licence


@dataclass(frozen=True)
class FileErrors:
    """The errors of one file."""

    path: str
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Attention:
    """Something worth a look."""

    kind: str  #: "other-category", "unknown", "unlicensed", "conflict" or "error"
    sentence: str  #: for people; may hold a stranger's text
    count: int  #: files or packages concerned
    filters: Filters | None = None  #: lists the files concerned
    examples: tuple[str, ...] = field(default=())  #: paths or purls, at most 3
