"""Run the soak from the shell."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.run import soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--on", choices=["sqlite", "postgresql", "postgresql+redis"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--disturbances", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scanpost-soak-") as folder:
        outcome = soak(
            Path(folder) / "instance",
            kind=arguments.on,
            seed=arguments.seed,
            seconds=arguments.seconds,
            scans=arguments.scans,
            disturbances=arguments.disturbances,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
    print(outcome.table())
    sys.exit(1 if outcome.broken() else 0)


if __name__ == "__main__":
    main()
