"""What the tests of fetching share: one fetch from loopback, under limits that are soon reached."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from scanner.access import Access
from scanner.addresses import Gate
from scanner.fetch import Client, Download
from scanner.limits import Limits
from scanner.results import Progress, no_progress
from tests.servers.http import ALLOWED

BODY = bytes(range(256)) * 1_000
LIMITS = Limits(download_bytes=1_000_000, download_seconds=20, connect_seconds=5, idle_seconds=5, redirects=3)
ACCESS = Access()
GATE = Gate([ip_network(ALLOWED)])


def download(
    url: str,
    folder: Path,
    *,
    limits: Limits = LIMITS,
    gate: Gate = GATE,
    progress: Progress = no_progress,
    access: Access = ACCESS,
    **options: Any,
) -> Download:
    with Client(gate, limits, progress=progress, access=access) as client:
        return client.download(url, folder, **options)
