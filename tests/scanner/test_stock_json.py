"""JSON of ScanCode's JSON Lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scanner.stock_json import PARTS, as_json
from tests.packages import STOCK_OPTIONS


def test_it_says_what_scancode_says_in_both_ways(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.py").write_text('"""{"files":[ ]} \u2028 Copyright 2020 Ad\u00e9\nLicense: MIT"""\n')
    (tmp_path / "root" / "empty").write_text("")
    scancode = [str(Path(sys.executable).with_name("scancode")), "--quiet", *STOCK_OPTIONS]
    subprocess.run([*scancode, "--json", "r.json", "--json-lines", "r.jsonl", "root"], cwd=tmp_path, check=True)

    with (tmp_path / "r.jsonl").open("rb") as lines:
        ours = json.loads(b"".join(as_json(lines)))

    theirs = json.loads((tmp_path / "r.json").read_text())
    assert ours == theirs
    assert list(ours) == list(theirs) == [*PARTS, "files"]
    assert theirs["packages"] == []


def test_parts_that_are_not_known_are_kept_and_no_files_are_none() -> None:
    made = b"".join(as_json([b'{"headers":[1]}\n', b'{"later":{"files":[2]}}\n']))

    assert json.loads(made) == {**PARTS, "headers": [1], "later": {"files": [2]}, "files": []}


def test_one_file_at_a_time_is_held() -> None:
    taken = 0

    def lines() -> Iterator[bytes]:
        nonlocal taken
        for number in range(1_000):
            taken = number
            yield b'{"files":[%d]}\n' % number

    for written, piece in enumerate(as_json(lines())):
        assert taken <= written, piece
