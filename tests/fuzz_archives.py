"""Damage archives at random and open what comes out: ``python -m tests.fuzz_archives --seconds 60 [--seed N]``.

Whatever the bytes are, an archive is unpacked or refused by one of our own errors, and nothing lies outside its folder.
Each is opened in a forked child, without the sandbox so that thousands can be tried; a crash of libarchive is seen as
the signal that ended the child. What fails is kept in ``.cache/fuzz`` and named.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from scanner.archives import opening, safe_name
from scanner.archives.budget import Budget
from scanner.archives.trees import remove_tree, walk
from scanner.errors import ScannerError
from scanner.limits import Limits
from tests.scanner.archives import bombs, damaged, hostile, test_formats  # noqa: F401 - each fills the table.
from tests.scanner.archives.cases import CASES

LIMITS = Limits(unpacked_bytes=3_000_000, unpacked_files=300, unpack_memory=200_000_000)
KEPT = Path(__file__).parents[1] / ".cache" / "fuzz"
FINE = {"unpacked", "refused"}
_LARGEST_SEED = 100_000
_SECONDS_EACH = 20
_INTERESTING = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"../", b"/", b"\\", b"\0" * 512)


def seeds() -> list[bytes]:
    """Return an archive of every kind, and every hostile one that is small."""
    made = [make() for make in test_formats.FORMATS.values()]
    large = re.compile("MB|gigabyte|bomb")
    made += [case.make() for name, case in CASES.items() if not large.search(name)]
    return sorted({data for data in made if len(data) < _LARGEST_SEED})


def spoilt(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return the bytes with a few changes: bits, bytes, numbers, pieces moved, lost, doubled or taken from others."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, length = rng.randrange(len(changed) + 1), rng.choice((1, 2, 4, 8, 64, 512))
        match rng.randrange(7):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 1:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                piece = rng.choice(_INTERESTING)
                changed[at : at + len(piece)] = piece
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at:at] = changed[at : at + length]
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                changed[at : at + length] = other[start : start + length]
            case 6 if rng.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def attempt(data: bytes, folder: Path) -> str:
    """Open one archive in a forked child. Returns how it ended."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(_SECONDS_EACH)
        resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
        os._exit(_open(data, folder))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {0: "unpacked", 1: "refused", 2: "EXCEPTION", 3: "OUTSIDE"}.get(status, f"SIGNAL {-status}")


def _open(data: bytes, folder: Path) -> int:
    (folder / "out" / "here").mkdir(parents=True)
    source = folder / "source"
    source.write_bytes(data)
    try:
        with source.open("rb") as file:
            opening.open_all(file, safe_name("fuzzed.bin", LIMITS), folder / "out" / "here", Budget(LIMITS))
        ended = 0
    except ScannerError as error:
        ended = 1 if str(error).endswith(".") else 2
    except BaseException:
        traceback.print_exc()
        return 2
    kinds = {found.status.st_mode & 0o170000 for found in walk(folder / "out")}
    outside = {path.name for path in folder.iterdir()} - {"out", "source"} or len(list((folder / "out").iterdir())) > 1
    return 3 if outside or kinds - {0o100000} else ended


def run(seed: int, more: Callable[[int], bool]) -> Counter[str]:
    """Try one archive after the other as long as ``more``, asked with their number, says so. Returns how they ended."""
    rng = random.Random(seed)
    archives = seeds()
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        while more(ends.total()):
            data = spoilt(rng.choice(archives), archives, rng)
            folder = Path(top) / "one"
            folder.mkdir()
            ends[end := attempt(data, folder)] += 1
            if end not in FINE:
                KEPT.mkdir(parents=True, exist_ok=True)
                kept = KEPT / hashlib.sha256(data).hexdigest()[:16]
                kept.write_bytes(data)
                print(f"{end}: {kept}", flush=True)
            remove_tree(folder)
    return ends


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    deadline = time.monotonic() + options.seconds
    ends = run(options.seed, lambda _: time.monotonic() < deadline)
    print(f"seed {options.seed}: {ends.total():,} archives, {dict(ends)}")
    return 1 if set(ends) - FINE else 0


if __name__ == "__main__":
    sys.exit(main())
