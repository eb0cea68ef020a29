"""Real packages by name and version, and what the stock command says of them; both are kept in .cache/."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

CACHE = Path(__file__).resolve().parent.parent / ".cache"
STOCK_OPTIONS = (
    "-clpieu",
    "--classify",
    "--summary",
    "--license-clarity-score",
    "--tallies",
    "--license-references",
)
#: What may differ between two runs of the same command: when it ran, on which machine and with which outputs.
HEADER_MAY_DIFFER = {"options", "start_timestamp", "end_timestamp", "duration"}


class Unavailable(Exception):
    """The package cannot be fetched from here."""


def package(kind: str, name: str, version: str) -> Path:
    """Return the folder of an unpacked package; its name says which. ``kind``: "npm", "sdist" or "wheel"."""
    folder = CACHE / "packages" / kind / f"{name}-{version}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_made(folder.parent)) as place:
            archive = _download(kind, name, version, Path(place))
            unpacked = _made(Path(place, "unpacked"))
            shutil.unpack_archive(archive, unpacked, "zip" if zipfile.is_zipfile(archive) else "gztar")
            tops = list(unpacked.iterdir())
            try:
                (tops[0] if len(tops) == 1 and kind != "wheel" else unpacked).rename(folder)
            except OSError:
                # Another process was faster.
                if not folder.exists():
                    raise
    return folder


def stock_reports(folders: list[Path]) -> list[dict[str, Any]]:
    """Return what the stock command writes for each of them, without its start of eight seconds for each."""
    missing = [folder for folder in folders if not _kept(folder).exists()]
    if missing:
        with tempfile.TemporaryDirectory(dir=_made(CACHE / "stock")) as place:
            pairs = [(str(folder), str(Path(place, f"{n}.json"))) for n, folder in enumerate(missing)]
            command = [sys.executable, "-P", "-c", _RUN_SEVERAL, json.dumps(STOCK_OPTIONS), json.dumps(pairs)]
            run = subprocess.run(command, capture_output=True, text=True)
            for folder, (_, written) in zip(missing, pairs, strict=True):
                assert Path(written).exists(), run.stderr
                Path(written).rename(_kept(folder))
    return [json.loads(_kept(folder).read_text()) for folder in folders]


#: The command itself, with its own start, once for each folder in one process.
_RUN_SEVERAL = """
import json, os, sys
from scancode.cli import scancode
for folder, written in json.loads(sys.argv[2]):
    os.chdir(os.path.dirname(folder))
    options = ["--quiet", *json.loads(sys.argv[1]), "--json", written, os.path.basename(folder)]
    try:
        scancode.main(options, standalone_mode=False)
    except SystemExit:
        pass
"""


def _kept(folder: Path) -> Path:
    return CACHE / "stock" / f"{folder.name}-{metadata.version('scancode-toolkit')}-{_digest(folder)}.json"


def differences(stock: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Return where two reports differ, apart from stack traces, the random part of UUIDs, and times."""
    return list(_differ(_comparable(stock), _comparable(ours), ""))


def _comparable(report: dict[str, Any]) -> Any:
    numbers: dict[str, str] = {}
    files = [
        {**file, "scan_errors": [_without_frames(error) for error in file["scan_errors"]]} for file in report["files"]
    ]
    text = re.sub(
        r"uuid=[0-9a-f-]{36}",
        lambda found: numbers.setdefault(found[0], f"uuid={len(numbers)}"),
        json.dumps({**report, "headers": None, "files": files}),
    )
    headers = [{k: v for k, v in header.items() if k not in HEADER_MAY_DIFFER} for header in report["headers"]]
    return {**json.loads(text), "headers": headers}


def _without_frames(error: str) -> str:
    """Return an error without the stack, which names folders of the machine in stock's and none in ours."""
    lines = error.splitlines()
    return "\n".join([*lines[:2], *lines[-1:]])


def _differ(one: Any, other: Any, where: str) -> Iterator[str]:
    if type(one) is not type(other):
        yield f"{where}: {one!r} is not {other!r}"
    elif isinstance(one, dict):
        if list(one) != list(other):
            yield f"{where}: {list(one)} is not {list(other)}"
        for key in one.keys() & other.keys():
            yield from _differ(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        if len(one) != len(other):
            yield f"{where}: {len(one)} items are not {len(other)}"
        for number, (a, b) in enumerate(zip(one, other, strict=False)):
            yield from _differ(a, b, f"{where}[{number}]")
    elif one != other:
        yield f"{where}: {one!r} is not {other!r}"


def _download(kind: str, name: str, version: str, place: Path) -> Path:
    if kind == "npm":
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
    else:
        form = "--only-binary" if kind == "wheel" else "--no-binary"
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command = [*pip, form, ":all:", f"{name}=={version}"]
    try:
        run = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{name} {version} cannot be fetched: {error}") from error
    found = [path for path in place.iterdir() if tarfile.is_tarfile(path) or zipfile.is_zipfile(path)]
    if run.returncode or not found:
        raise Unavailable(f"{name} {version} cannot be fetched with {command[0]}: {run.stderr.strip()[-200:]}")
    return found[0]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _digest(folder: Path) -> str:
    """Return a digest of the tree: names, modification times (the report has their dates) and contents."""
    digest = hashlib.sha256()
    if folder.is_file():
        digest.update(f"{folder.stat().st_mtime_ns}\0".encode() + folder.read_bytes())
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(top, name)
            head = f"{path.relative_to(folder)}\0{path.stat().st_mtime_ns}\0"
            digest.update(head.encode(errors="surrogateescape") + path.read_bytes())
    return digest.hexdigest()[:16]
