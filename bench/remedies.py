"""What each speed-up gives: ``python -m bench.remedies [NAME ...]``; all of them without a name.

The CPU seconds that all scanners take for the files of each subject, with everything in place, and with one of the
speed-ups left out in turn. What is left out makes other things slower, too, so the differences do not add up.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from bench.subjects import SUBJECTS
from scanner import inventory
from scanner.limits import Limits

CHOSEN = ("express", "flask", "rules 200")
#: What works with another's representation goes with it, as it does where ScanCode's own code has changed.
GO_TOO = {"spans": {"matches", "alignment", "exact_matches", "magnitudes"}}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.remedies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--without", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.without is not None:
        measure(options.without)
        return
    from scanner.engine.speedups import MODULES

    print(f"{'without':24}", *(f"{name:>10}" for name in CHOSEN), flush=True)
    for name in ("nothing", *(options.names or MODULES)):
        subprocess.run([sys.executable, "-m", "bench.remedies", "--without", name], check=True)


def measure(without: str) -> None:
    """Print the CPU seconds for each subject with one speed-up left out."""
    from scanner.engine import files, index, speedups

    left_out = {without, *GO_TOO.get(without, ())}
    speedups.MODULES = tuple(name for name in speedups.MODULES if name not in left_out)
    speedups.install()
    index.load()
    using = files.scanners()
    warm = _subject("requests")
    for entry in inventory.take(warm.parent, warm.name, Limits())[::8]:
        files.scan_file(warm.parent, entry.path, using, Limits())
    print(f"{without:24}", end="", flush=True)
    for name in CHOSEN:
        root = _subject(name)
        entries = inventory.take(root.parent, root.name, Limits())
        started = time.process_time()
        for entry in entries:
            if errors := files.scan_file(root.parent, entry.path, using, Limits()).errors:
                sys.exit(f"{entry.path} without {without}: {errors}")
        print(f" {time.process_time() - started:10.2f}", end="", flush=True)
    print()


def _subject(name: str) -> Path:
    return next(subject for subject in SUBJECTS if name in (subject.name, str(subject))).folder()


if __name__ == "__main__":
    main()
