"""Write a report in a format to standard output: ``python -m reports FORMAT REPORT.sqlite``.

The site starts this for each file that is asked for: what a writer needs of memory and imports goes with its process.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from reports.formats import FORMATS, write
from reports.store import Report

#: Address space of the process, bytes; twice of what the heaviest format takes for a report of 50,000 files.
MEMORY = 4_000_000_000
#: CPU seconds.
SECONDS = 900


def main(arguments: list[str]) -> int:
    """Write the report; return 2 if the arguments make no sense."""
    if len(arguments) != 2 or arguments[0] not in FORMATS:
        print(f"usage: python -m reports {{{','.join(FORMATS)}}} REPORT.sqlite", file=sys.stderr)
        return 2
    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    with Report(Path(arguments[1])) as report:
        write(report, arguments[0], sys.stdout.buffer)
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
