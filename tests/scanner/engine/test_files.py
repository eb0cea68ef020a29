"""One file, scanned as stock does it; what needs no licence index is tried with scanners of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from scancode import Scanner, cli

from scanner.engine.client import Engine
from scanner.engine.files import COMMAND, command, scan_file, soft_deadline, without_machine
from scanner.limits import Limits
from tests.scanner.engine.whole import entries


def scanned(folder: Path, function: Any, limits: Limits = Limits()) -> Any:  # noqa: B008 (frozen)
    (folder / "root").mkdir(exist_ok=True)
    (folder / "root" / "file").write_text("text")
    return scan_file(folder, "root/file", [Scanner(name="licenses", function=function)], limits)


def test_a_scanner_gets_what_stock_gives_it(tmp_path: Path) -> None:
    got: dict[str, Any] = {}

    def scanner(location: str, **options: Any) -> dict[str, Any]:
        got.update(options, location=location)
        return {"found": [1], "empty": [], "none": None, "zero": 0}

    found = scanned(tmp_path, scanner)

    assert found.results == {"found": [1]}
    assert got["location"] == f"{tmp_path}/root/file"
    assert got["path"] == "root/file"
    assert 47 <= got["deadline"] - time.time() <= 48


def test_an_error_is_stocks_own_without_this_machine(tmp_path: Path) -> None:
    def scanner(location: str, **_options: Any) -> None:
        raise ValueError(f"cannot read {location}")

    [error] = scanned(tmp_path, scanner).errors

    assert error.startswith(
        "ERROR: for scanner: licenses:\nERROR: Unknown error:\nTraceback (most recent call last):\n"
    )
    assert error.endswith("ValueError: cannot read root/file\n")
    assert str(tmp_path) not in error
    assert sys.prefix not in error


def test_memory_that_is_not_there_is_an_error_of_that_file(tmp_path: Path) -> None:
    def scanner(_location: str, **_options: Any) -> None:
        raise MemoryError

    assert "MemoryError" in scanned(tmp_path, scanner).errors[0]


def test_a_scanner_that_stops_at_the_soft_deadline_has_an_error_that_says_so(tmp_path: Path) -> None:
    in_time = scanned(tmp_path, lambda *_args, **_options: {})
    late = scanned(tmp_path, lambda *_args, **_options: {"kept": [1]}, Limits(file_seconds=2))

    assert in_time.complete
    assert not in_time.errors
    assert not late.complete
    assert late.errors == ("ERROR: for scanner: licenses:\nERROR: Stopped after 0 seconds: findings may be missing.",)
    assert late.results == {"kept": [1]}
    assert soft_deadline(Limits(file_seconds=120)) == 48


def test_texts_name_no_folder_of_this_machine(tmp_path: Path) -> None:
    text = f'File "{sys.prefix}/lib/python3.11/site-packages/a.py", at {tmp_path}/root/file and /etc/hosts'

    assert without_machine(text, tmp_path) in (
        'File "a.py", at root/file and /etc/hosts',
        'File "lib/python3.11/site-packages/a.py", at root/file and /etc/hosts',
    )


def test_the_options_are_the_command_lines() -> None:
    options, _shown = command()

    assert options["only_findings"] is False
    assert all(options[name] is True for name in ("license", "copyright", "package", "email", "url", "info", "tallies"))


def test_all_but_the_paths_is_what_stock_makes_of_the_command(tmp_path: Path) -> None:
    added = ["--quiet", "--max-in-memory", "0"]
    written = ["--json", str(tmp_path / "a"), "--json-lines", str(tmp_path / "b")]
    with cli.scancode.make_context("scancode", [*COMMAND, *added, *written, "--", str(tmp_path)]) as stock:
        stated = cli.get_pretty_params(stock)

    options, shown = command(*added, "--json", "-", "--json-lines", "-")

    assert {**options, "input": 0, "output_json": 0, "output_json_lines": 0} == {
        **stock.params,
        **{"input": 0, "output_json": 0, "output_json_lines": 0},
    }
    assert list(shown) == list(stated)
    assert {**shown, "input": 0, "--json": 0, "--json-lines": 0} == {
        **stated,
        **{"input": 0, "--json": 0, "--json-lines": 0},
    }


def test_every_scanner_says_something(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "package.json").write_text('{"name": "x", "version": "1", "license": "MIT"}')
    (tmp_path / "root" / "a.py").write_text(
        "# Copyright (c) 2024 Ada <ada@lovelace.net> http://lovelace.net/code MIT License\n"
    )

    found = {one.path: one.results for one in engine.scan(tmp_path, entries(tmp_path, "root"), limits=Limits())}

    assert found["root/package.json"]["package_data"][0]["name"] == "x"
    assert {"sha1", "copyrights", "emails", "urls", "license_detections"} <= found["root/a.py"].keys()


def test_a_file_that_is_gone_has_an_error(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.py").write_text("x\n")
    files = entries(tmp_path, "root")
    (tmp_path / "root" / "a.py").unlink()

    [found] = engine.scan(tmp_path, files, limits=Limits())

    assert found.errors
    assert str(tmp_path) not in str(found)


def test_a_file_of_nothing_but_licence_names_ends_in_time_and_costs_no_other_file(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    names = ["GNU General Public License", "Apache License 2.0", "Mozilla Public License", "MIT License"]
    listed = [{"id": number, "license": f"{names[number % 4]} {number % 7}"} for number in range(60_000)]
    (tmp_path / "root" / "licences.json").write_text(json.dumps(listed))
    (tmp_path / "root" / "a.py").write_text("# SPDX-License-Identifier: MIT\n")
    began = time.monotonic()

    limits = Limits(file_seconds=3)
    found = {one.path: one for one in engine.scan(tmp_path, entries(tmp_path, "root"), limits=limits)}

    assert time.monotonic() - began < 60
    assert found["root/licences.json"].errors
    assert not found["root/a.py"].errors
    assert found["root/a.py"].results["detected_license_expression"] == "mit"


def test_of_packages_only_there_are_no_other_findings(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "package.json").write_text('{"name": "x", "version": "1", "license": "MIT"}')

    [found] = engine.scan(tmp_path, [], packages_only=entries(tmp_path, "root"), limits=Limits())

    assert list(found.results) == ["package_data"]


@pytest.mark.parametrize("module", ["scanner.engine.client", "scanner.cache", "scanner.__main__"])
def test_only_the_engines_own_process_imports_scancode(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not {"scancode", "licensedcode", "commoncode", "typecode", "packagedcode"} & set(run.stdout.split())
