"""Scan one file the way stock ScanCode does: its scanners, in its order, with its error texts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from packagedcode.cache import get_cache as get_package_patterns
from plugincode import PluginManager, scan
from scancode import Scanner, cli

from scanner.limits import Limits
from scanner.results import FileFindings

#: What every scan asks for, as one would type it.
COMMAND = ("-clpieu", "--classify", "--summary", "--license-clarity-score", "--tallies", "--license-references")

#: The scanners that stop at stock's soft deadline and return what they have.
_END_BY_CLOCK = ("licenses", "copyrights")


@cache
def command(*options: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of all parameters of the stock command, and what a report states of them; parsed once.

    The command line decides the plugins' options, not their declared defaults: ScanCode's own Python interface takes
    those, and click 8.3 and later gives "unset" for some, which counts as true. What differs from scan to scan, the
    paths, is to be put in by the caller.
    """
    context = cli.scancode.make_context("scancode", [*COMMAND, *options, "--", os.sep])
    return context.params, cli.get_pretty_params(context)


def scanners() -> list[Scanner]:
    """Set up the scanners that the command enables, as ``scancode.cli.run_scan`` does."""
    options, _shown = command()
    enabled = []
    for plugin_class in PluginManager.managers[scan.stage].plugin_classes:
        plugin = plugin_class(**options)
        if plugin.is_enabled(**options):
            plugin.setup(**options)
            enabled.append(Scanner(name=plugin.name, function=plugin.get_scanner(**options)))
    return enabled


def scan_file(workspace: Path, path: str, using: Sequence[Scanner], limits: Limits) -> FileFindings:
    """Return the findings of one file.

    Stock's own runner does it, without the alarm by which it interrupts a scanner: code in C does not notice that
    alarm, so the limit on time is kept by whoever waits for this process. What stock keeps silent about is said: that
    a scanner came to its end by the clock, with what it had by then.
    """
    cpu_began = time.process_time()
    # Stock keeps apart how long a scanner may take and when it should come to an end by itself; the second follows
    # from the first.
    _location, _path, errors, _time, results, timings = cli.scan_resource(
        (f"{workspace}/{path}", path), using, timeout=limits.file_seconds, with_timing=True, with_threading=False
    )
    # Stock leaves what is empty at the attribute's own default.
    found = {key: value for key, value in results.items() if value}
    texts = [without_machine(error, workspace) for error in errors]
    deadline = soft_deadline(limits)
    cut = [name for name in _END_BY_CLOCK if timings.get(name, -1) >= deadline]
    texts += [
        f"ERROR: for scanner: {name}:\nERROR: Stopped after {deadline} seconds: findings may be missing."
        for name in cut
    ]
    return FileFindings(path, found, tuple(texts), round(time.process_time() - cpu_began, 4), complete=not cut)


def soft_deadline(limits: Limits) -> int:
    """Return after how many seconds stock's scanners end by themselves, with what they have by then."""
    return int(limits.file_seconds / 2.5)


def manifest_patterns() -> list[str]:
    """Return the patterns, as regular expressions, of the paths at which ScanCode looks for package data."""
    return sorted(get_package_patterns().handler_by_regex)


def without_machine(text: str, workspace: Path) -> str:
    """Return an error text without the folders of this machine."""
    for folder in (str(workspace), *sorted({*sys.path, sys.prefix, sys.base_prefix}, key=len, reverse=True)):
        if len(folder) > 1:
            text = text.replace(f"{folder}/", "")
    return text
