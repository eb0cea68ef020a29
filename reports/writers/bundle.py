"""All formats in one archive."""

from __future__ import annotations

import re
import zipfile
from typing import BinaryIO

from reports.reader import Report
from reports.writers.subject import subject


def write_zip(report: Report, out: BinaryIO) -> None:
    """Write a zip with each other format in it, one after the other; ``out`` need not be seekable."""
    from reports.formats import FORMATS

    about = subject(report)
    # From a stranger's title only what any file system takes.
    name = re.sub("[^A-Za-z0-9.]+", "-", about.title)[:80].strip("-.") or "scan"
    # The scan's time instead of now: the same report gives the same archive. Zip knows no year before 1980.
    moment = tuple(int(part) for part in re.findall(r"\d+", max(about.created, "1980-01-01T00:00:00Z")))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for format in FORMATS.values():
            if format.name == "zip":
                continue
            info = zipfile.ZipInfo(f"{name}/{name}{format.suffix}", moment)  # type: ignore[arg-type]
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=True) as member:
                format.write(report, member)  # type: ignore[arg-type]
