"""What is scanned in the benchmarks: real packages by name and version, and ScanCode's own rule texts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.packages import CACHE, package
from tests.trees import rule_texts, tar_gz


@dataclass(frozen=True)
class Subject:
    name: str
    kind: str  #: of the registry, see tests.packages; "rules" for ScanCode's rule texts
    version: str  #: of the package; for rules, how many
    runs: int = 3  #: how often each side runs; the median counts
    quick: bool = False  #: part of `make bench QUICK=1`

    def folder(self) -> Path:
        if self.kind == "rules":
            return _rules(int(self.version))
        return package(self.kind, self.name, self.version)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


SUBJECTS = (
    Subject("express", "npm", "4.21.2", quick=True),
    Subject("requests", "sdist", "2.32.3", quick=True),
    Subject("flask", "sdist", "3.1.0"),
    Subject("lodash", "npm", "4.17.21"),
    Subject("react-dom", "npm", "18.3.1"),
    Subject("rules", "rules", "200", quick=True),
    Subject("rules", "rules", "2000", runs=1),
    Subject("django", "sdist", "5.1.4", runs=1),
    Subject("typescript", "npm", "5.7.2", runs=1),
)


def folder_of(name: str) -> Path:
    """Return the folder of the first subject of this name."""
    return next(subject for subject in SUBJECTS if subject.name == name).folder()


def packed(folder: Path) -> bytes:
    """Return a folder as an archive."""
    return tar_gz(
        {str(path.relative_to(folder.parent)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    )


def _rules(count: int) -> Path:
    """Return a folder of so many rule texts, evenly taken from all of them."""
    folder = CACHE / "packages" / "rules" / f"rules-{count}"
    if not folder.exists():
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        texts = rule_texts(10**6)
        step = len(texts) // count
        for name, text in list(texts.items())[::step][:count]:
            (draft / Path(name).name).write_bytes(text)
        draft.rename(folder)
    return folder
