"""How much of anything one scan may take: names, units and reasons."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def _limit(default: int, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Limits:
    """The limits of one scan. Each is a setting of the same name in capitals, behind ``LIMIT_``."""

    download_bytes: int = _limit(500_000_000, "bytes", "the most that is fetched for one scan")
    download_seconds: int = _limit(600, "seconds", "the longest that a fetch may take in all")
    connect_seconds: int = _limit(10, "seconds", "the longest wait for a connection")
    idle_seconds: int = _limit(30, "seconds", "the longest wait for the next bytes of an answer")
    redirects: int = _limit(10, "redirects", "the most that are followed")
    unpacked_bytes: int = _limit(4_000_000_000, "bytes", "the most that an archive may unpack to, nested ones included")
    unpacked_files: int = _limit(100_000, "files", "the most files that an archive may hold, nested ones included")
    unpacked_ratio: int = _limit(200, "times", "how much larger than the archive its content may be, beyond 100 MB")
    unpack_seconds: int = _limit(600, "seconds", "the longest that unpacking may take")
    unpack_memory: int = _limit(1_000_000_000, "bytes", "the memory of the process that unpacks")
    nested_archives: int = _limit(5, "levels", "how deep archives inside archives are opened")
    path_depth: int = _limit(100, "levels", "how deep folders may be nested")
    path_bytes: int = _limit(2_000, "bytes", "the longest path inside an archive")
    name_bytes: int = _limit(255, "bytes", "the longest name of one file or folder; what Linux file systems take")
    file_seconds: int = _limit(
        120, "seconds", "the longest that the scan of one file may take; stock ScanCode's own limit"
    )
    file_memory: int = _limit(
        2_000_000_000, "bytes", "the memory that the scan of one file may add to the engine's own"
    )
    pasted_bytes: int = _limit(2_000_000, "bytes", "the longest text that can be pasted; a longer one can be uploaded")
    listed_addresses: int = _limit(
        100, "addresses", "the most that can be sent at once; each becomes a scan of its own"
    )
    image_layers: int = _limit(500, "layers", "the most that a container image may have")
    report_seconds: int = _limit(3_600, "seconds", "the longest that putting a report together may take")
    report_memory: int = _limit(8_000_000_000, "bytes", "the memory that putting a report together may add to that")

    def as_dict(self) -> dict[str, int]:
        # Not ``asdict``, which takes a quarter of a millisecond to copy plain numbers.
        return dict(vars(self))


def stated(limits: Limits, name: str) -> str:
    """Return a limit for a sentence: "4 GB (the limit unpacked_bytes)"."""
    number, unit = getattr(limits, name), Limits.__dataclass_fields__[name].metadata["unit"]
    one = unit.removesuffix("es" if unit == "addresses" else "s")
    text = size(number) if unit == "bytes" and number >= 10_000 else f"{number:,} {one if number == 1 else unit}"
    return f"{text} (the limit {name})"


def size(count: float) -> str:
    """Return a number of bytes for people: 58,016 → "58 kB"; thousands are 1,000, as on labels and in browsers."""
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    for larger in units:
        if count < 999.5:
            break
        count, unit = count / 1000, larger
    number = f"{count:.1f}".removesuffix(".0") if unit != "B" and count < 9.95 else f"{count:,.0f}"
    return f"{number} {unit}"


def table(limits: Limits) -> list[tuple[str, int, str, str]]:
    """Return (name, value, unit, meaning) of each limit, in the order of the class."""
    return [(f.name, getattr(limits, f.name), f.metadata["unit"], f.metadata["meaning"]) for f in fields(limits)]
