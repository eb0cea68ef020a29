"""Put the findings of many files together: ScanCode's own later steps and its own output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO

import scancode_config
from commoncode import fileutils
from commoncode.resource import Codebase
from isal import igzip
from plugincode import PluginManager
from scancode import cli

from scanner.engine.files import command, without_machine
from scanner.engine.speedups.resources import stored
from scanner.results import FileFindings

#: What a report asks for besides the scanners' own options. Stock keeps all beyond 10,000 files in a JSON file each and
#: reads them back at every step: four times the work at 11,000 files, for some ten kilobytes of memory a file.
ADDED = ("--quiet", "--max-in-memory", "0", "--json-lines", "-")


def forget_other_plugins() -> None:
    """Have ScanCode forget the plugins that no report asks for: it sets all of them up, to ask whether they are."""
    options, _shown = command(*ADDED)
    for manager in PluginManager.managers.values():
        manager.plugin_classes = [
            plugin for plugin in manager.plugin_classes if plugin(**options).is_enabled(**options)
        ]


def assemble(workspace: Path, root: str, findings: BinaryIO, lines: TextIO, temporary: Path) -> None:
    """Write a report to ``lines`` as JSON Lines, with ``temporary`` for what comes and goes.

    ``findings`` are gzipped JSON Lines. Stock's ``run_scan`` does all of it; only the step that would scan the files is
    replaced by one that takes the findings given. Raises FileNotFoundError without a root, and whatever stock raises.
    """
    # Stock's own message would be a traceback.
    (workspace / root).stat()
    keep_temporary_files_in(temporary)
    cli.scan_codebase = partial(_feed, findings, workspace)
    options, shown = command(*ADDED)
    # As if the command had been given in the workspace, so that nothing above it is named in the report.
    names = {"input": [root], "--json-lines": "report.jsonl"}
    stated = {name: names.get(name, value) for name, value in shown.items() if name != "--max-in-memory"}
    paths = {"input": (str(workspace / root),), "output_json_lines": lines}
    given = {name: value for name, value in (options | paths).items() if name != "check_version"}
    cli.run_scan(**given, pretty_params=stated, return_results=False)


def keep_temporary_files_in(folder: Path) -> None:
    """Have ScanCode make its temporary files there: it fixes their place when it is imported."""
    scancode_config.scancode_temp_dir = str(folder)
    fileutils.get_temp_dir.__defaults__ = (str(folder), "")
    cli.Codebase = partial(Codebase, temp_dir=str(folder))


def _feed(
    findings: BinaryIO, workspace: Path, codebase: Codebase, _scanners: object, *_args: object, **_kwargs: object
) -> bool:
    """Stand in for ``scancode.cli.scan_codebase``: give each file of the codebase its findings."""
    # By location, because a resource's own path is cleaned of what ScanCode does not like in names.
    path_by_location = {resource.location: resource.path for resource in stored(codebase) if resource.is_file}
    success = True
    for found in _read(findings):
        path = path_by_location.pop(f"{workspace}/{found.path}", None)
        if path is None:
            continue
        resource = codebase.get_resource(path=path)
        resource.scan_errors.extend(without_machine(error, workspace) for error in found.errors)
        success = success and not found.errors
        for key, value in found.results.items():
            if key.startswith("extra_data."):
                resource.extra_data[key.replace("extra_data.", "")] = value
            else:
                setattr(resource, key, value)
        codebase.save_resource(resource)
    for path in path_by_location.values():
        success = False
        resource = codebase.get_resource(path=path)
        resource.scan_errors.append("ERROR: Processing interrupted: this file was not scanned.")
        codebase.save_resource(resource)
    return success


def _read(findings: BinaryIO) -> Iterator[FileFindings]:
    with igzip.open(findings, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield FileFindings.from_dict(json.loads(line))
