"""Unpack what was fetched: whatever kind of archive it is, whoever made it.

``unpack`` is all that the rest of the project needs. The work is done by ``child``, in a locked-in process of its own:
``kinds`` recognises, a reader for each format (``tar``, ``zip``, ``native``) yields entries, and ``writer`` is the only
code that puts them on the disk. What is opened, left out and refused: docs/ARCHIVES.md.
"""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scanner.archives import names, process, suffixes
from scanner.archives.trees import remove_tree, walk
from scanner.errors import ArchiveRefused
from scanner.limits import Limits
from scanner.results import Progress, no_progress

__all__ = ["Unpacked", "remove_tree", "unpack"]


@dataclass(frozen=True)
class Unpacked:
    """What lies in a workspace now."""

    root: str  #: the one file or folder directly in the workspace
    files: int
    bytes: int
    notes: tuple[str, ...] = ()  #: sentences for the report: what was left out, and why


def unpack(
    archive: Path, name: str, workspace: Path, *, limits: Limits | None = None, progress: Progress = no_progress
) -> Unpacked:
    """Unpack a file into a workspace, which is made if it is missing and must be empty.

    ``name`` is what the file is called; it decides names only, its bytes decide what it is. A file that is no archive
    becomes the root itself. The one folder at the top of an archive is the root, else a folder named after the archive.
    ``progress`` is called with the bytes written so far, several times a second.

    Raises ArchiveRefused, ArchiveBroken, LimitExceeded, and whatever ``progress`` raises; then the workspace is empty.
    """
    limits = limits or Limits()
    name = safe_name(name, limits)
    workspace.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=workspace))
    try:
        was_archive, notes = process.run(archive, name, staging, limits=limits, progress=progress)
        files, size = _audit(staging)
        return Unpacked(_settle(staging, workspace, name, was_archive), files, size, notes)
    finally:
        remove_tree(staging)


def safe_name(name: str, limits: Limits) -> str:
    """Return a name that a file or folder on this disk can have, for one that came with a download."""
    encoded = name.encode("utf-8", "surrogatepass").replace(b"\0", b"").replace(b"/", b"_")
    part = names.fitting(names.escaped(encoded), limits.name_bytes)
    return part if part not in ("", ".", "..") else "download"


def _audit(staging: Path) -> tuple[int, int]:
    """Count files and bytes, as they are on the disk: the child's own word is not relied on.

    Raises ArchiveRefused if there is anything but files and folders.
    """
    files = size = 0
    for found in walk(staging):
        if not stat.S_ISREG(found.status.st_mode) or found.status.st_nlink != 1:
            raise ArchiveRefused("Unpacking the archive made something that is not a file.")
        files += 1
        size += found.status.st_size
    return files, size


def _settle(staging: Path, workspace: Path, name: str, was_archive: bool) -> str:
    """Move what was unpacked to where it belongs, and return the root's name."""
    with os.scandir(staging) as listing:
        tops = list(listing)
    if len(tops) == 1 and (not was_archive or tops[0].is_dir(follow_symlinks=False)):
        root = tops[0].name
        Path(tops[0].path).rename(workspace / root)
    else:
        root = suffixes.stem(name)
        staging.rename(workspace / root)
    return root
