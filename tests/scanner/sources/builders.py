"""What the tests of all kinds share: fetching from loopback, and looking into what came."""

from __future__ import annotations

import tarfile
from ipaddress import ip_network
from pathlib import Path

from scanner import sources
from scanner.addresses import Gate
from scanner.limits import Limits
from scanner.results import Progress, Source, no_progress
from tests.servers.http import ALLOWED

GATE = Gate([ip_network(ALLOWED)])
LIMITS = Limits(download_bytes=5_000_000, download_seconds=20, connect_seconds=5, idle_seconds=5, unpack_seconds=20)
ACCESS = sources.Access()


def fetch(
    text: str,
    folder: Path,
    *,
    gate: Gate = GATE,
    limits: Limits = LIMITS,
    access: sources.Access = ACCESS,
    progress: Progress = no_progress,
) -> tuple[Source, Path]:
    """Recognise and fetch, and hold what every kind promises: exactly one file, which is what the source says."""
    request = sources.recognise(text, access)
    source, path = sources.fetch(request, folder, gate=gate, limits=limits, progress=progress, access=access)
    assert list(folder.iterdir()) == [path]
    assert (source.filename, source.size) == (path.name, path.stat().st_size)
    assert source.asked == text
    return source, path


def content_of(tar: Path) -> dict[str, bytes]:
    """Return the files of a tar; every member must be a regular file, in order of the names."""
    with tarfile.open(tar) as archive:
        members = archive.getmembers()
        assert all(member.isreg() for member in members)
        return {member.name: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]
