"""Compare licence findings with those of stock ScanCode: `python -m bench.equality [--all | --texts N] [PATH ...]`.

Two processes look at the same files, one of them with SCANNER_STOCK=1; any difference is printed and makes the exit
status 1. ``--all`` takes each of ScanCode's 37,000 rule and licence texts as a file (hours, nearly all of it stock's
time); ``--texts N`` takes N texts of which half are broken, mixed, truncated or minified.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.scanner.engine.speedups import texts

#: All that can be asked for, so that all that can differ is seen.
OPTIONS = {"include_text": True, "license_text_diagnostics": True, "license_diagnostics": True}

#: Texts up to this length are also looked at as strings, as package manifests give them to licence detection.
STRING_LENGTH = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, help="files and folders to compare on")
    parser.add_argument("--all", action="store_true", help="all of ScanCode's rule texts")
    parser.add_argument("--texts", type=int, default=0, metavar="N", help="that many texts, whole and damaged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--look", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.look:
        look([line.rstrip("\n") for line in sys.stdin])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        locations = [str(file) for path in options.paths for file in _files(path)]
        if options.all:
            locations += map(str, texts.rule_files())
        locations += texts.write(Path(folder), texts.sample(options.texts, options.seed))
        different = list(differences(locations))
        for location, ours, stock in different:
            print(f"DIFFERENT {location}\n  stock {stock}\n  ours  {ours}")
        print(f"{len(locations)} files, {len(different)} with different findings")
        return 1 if different else 0


def differences(locations: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield location, our findings and stock's for each file on which they differ."""
    with _looker(locations, stock=False) as ours, _looker(locations, stock=True) as stock:
        for location in locations:
            found, expected = ours.stdout.readline(), stock.stdout.readline()
            if found != expected or not found:
                yield location, found, expected


def look(locations: Sequence[str]) -> None:
    """Print the findings of each file as a line of JSON."""
    from scanner.engine import index, speedups

    left_out = speedups.install()
    if left_out:
        raise SystemExit(f"these do not fit the installed ScanCode: {left_out}")
    index.load(left_out)
    for location in locations:
        print(json.dumps(_findings(location), sort_keys=True), flush=True)


def _findings(location: str) -> list[Any]:
    from licensedcode.detection import detect_licenses
    from scancode.api import get_licenses

    try:
        findings = [get_licenses(location, **OPTIONS)]
        text = Path(location).read_text(errors="replace")
        if text and len(text) <= STRING_LENGTH:
            findings += [detection.to_dict(**OPTIONS) for detection in detect_licenses(query_string=text)]
    except Exception as error:  # What stock raises, we raise.
        return [repr(error)]
    return findings


def _looker(locations: Sequence[str], stock: bool) -> subprocess.Popen[str]:
    with tempfile.TemporaryFile("w+") as listed:
        listed.writelines(f"{location}\n" for location in locations)
        listed.seek(0)
        return subprocess.Popen(
            [sys.executable, "-m", "bench.equality", "--look"],
            stdin=listed,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "SCANNER_STOCK": "1" if stock else "0", "PYTHONHASHSEED": "0"},
        )


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


if __name__ == "__main__":
    sys.exit(main())
