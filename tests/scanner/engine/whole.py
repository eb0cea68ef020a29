"""Whole scans, as the tests of this folder need them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from scanner.engine.client import Engine
from scanner.limits import Limits
from scanner.results import FileEntry
from scanner.stock_json import as_json


def entries(workspace: Path, root: str) -> list[FileEntry]:
    """List the files of a root."""
    top = workspace / root
    files = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
    return [FileEntry(str(path.relative_to(workspace)), path.stat().st_size, "") for path in files]


def report(engine: Engine, workspace: Path, root: str, folder: Path) -> dict[str, Any]:
    """Scan a root and return its report, as read from the JSON."""
    folder.mkdir(exist_ok=True)
    findings = folder / "findings.jsonl.gz"
    with gzip.open(findings, "wt") as lines:
        for found in engine.scan(workspace, entries(workspace, root), limits=Limits()):
            lines.write(json.dumps(found.as_dict()) + "\n")
    engine.assemble(workspace, root, [findings], folder, limits=Limits())
    return read(folder / "report.jsonl")


def read(lines: Path) -> dict[str, Any]:
    """Read a report as one JSON object."""
    with lines.open("rb") as stream:
        return json.loads(b"".join(as_json(stream)))
