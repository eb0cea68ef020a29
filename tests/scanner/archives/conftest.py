"""A place to unpack in, with something around it that must not change."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.archives import Unpacked, unpack
from scanner.limits import Limits


@dataclass(frozen=True)
class Place:
    """A workspace deep in a folder with other things in it."""

    top: Path
    workspace: Path
    archive: Path

    def unpack(self, data: bytes, name: str = "archive.bin", limits: Limits | None = None) -> Unpacked:
        self.archive.write_bytes(data)
        return unpack(self.archive, name, self.workspace, limits=limits)

    def contents(self) -> dict[str, bytes]:
        """Return path → content of all files in the workspace."""
        found = {}
        for folder, folders, names in os.walk(self.workspace):
            for name in folders + names:
                path = Path(folder) / name
                mode = path.lstat().st_mode
                assert stat.S_ISREG(mode) or stat.S_ISDIR(mode), f"{path} is neither a file nor a folder"
                if stat.S_ISREG(mode):
                    found[str(path.relative_to(self.workspace))] = path.read_bytes()
        return found

    def outside(self) -> str:
        """Return a digest of all that is not in the workspace: names, kinds, times and content."""
        digest = hashlib.sha256()
        for path in sorted(self.top.rglob("*")):
            if self.workspace in path.parents or path in (self.workspace, self.archive):
                continue
            status = path.lstat()
            digest.update(f"{path} {status.st_mode} {status.st_size}".encode())
            if stat.S_ISREG(status.st_mode):
                digest.update(path.read_bytes() + str(status.st_mtime_ns).encode())
        return digest.hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    workspace = tmp_path / "one" / "two" / "workspace"
    workspace.mkdir(parents=True)
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "one" / "victim").write_text("untouched")
    return Place(tmp_path, workspace, tmp_path / "fetched")


@pytest.fixture
def unpacks(place: Place) -> Callable[[bytes], dict[str, bytes]]:
    """Unpack bytes and return what lies in the workspace then."""

    def run(data: bytes, name: str = "archive.bin") -> dict[str, bytes]:
        place.unpack(data, name)
        return place.contents()

    return run
