"""Say what each licence speed-up gives: `python -m bench.profile_licenses PATH|rules:N ...` (N of the rule texts).

For each path, the CPU seconds of licence detection with the first speed-up in place, with the first two, and so on.
File types are found out beforehand, because they belong to no speed-up measured here. ``--stock`` begins with none.
``--calls`` prints instead where the time goes with all of them.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.scanner.engine.speedups.texts import rule_files

#: The speed-ups about licences, in the order in which they are put in place.
STEPS = ("candidates", "matchables", "spans", "queries", "matched_text", "matches", "alignment", "exact_matches",
         "magnitudes")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--stock", action="store_true", help="begin without any speed-up (slow)")
    parser.add_argument("--calls", action="store_true", help="print the calls that take most of the time")
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.calls or options.steps is not None:
        measure(options.paths, STEPS[: options.steps], options.calls)
        return
    print(f"{'up to and with':16}", *(f"{Path(path).name[-12:]:>12}" for path in options.paths))
    for steps in range(0 if options.stock else 1, len(STEPS) + 1):
        subprocess.run(
            [sys.executable, "-m", "bench.profile_licenses", "--steps", str(steps), *options.paths], check=True
        )


def measure(paths: Sequence[str], modules: Sequence[str], calls: bool) -> None:
    """Print the CPU seconds for each path with some speed-ups in place."""
    from scancode.api import get_licenses

    from scanner.engine import index, speedups

    speedups.MODULES = tuple(modules)
    speedups.install()
    index.load()
    print(f"{modules[-1] if modules else 'stock':16}", end="", flush=True)
    for path in paths:
        locations = _files(path)
        _find_types(locations)
        get_licenses(locations[0])
        profile = cProfile.Profile(time.process_time)
        started = time.process_time()
        if calls:
            profile.enable()
        for location in locations:
            get_licenses(location)
        profile.disable()
        print(f"{time.process_time() - started:13.2f}", end="", flush=True)
        if calls:
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    print()


def _find_types(locations: Sequence[str]) -> None:
    from typecode import get_type

    for location in locations:
        found = get_type(location)
        _ = found.contains_text, found.is_binary, found.is_text_with_long_lines, found.is_compact_js, found.is_js_map


def _files(path: str) -> list[str]:
    if path.startswith("rules:"):
        return [str(file) for file in random.Random(7).sample(rule_files(), int(path.removeprefix("rules:")))]
    return sorted(str(file) for file in Path(path).rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
