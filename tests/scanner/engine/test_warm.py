"""What is loaded at start."""

from __future__ import annotations

import json
import subprocess
import sys

#: In a process of its own, because what is loaded stays loaded.
_STARTED = """
import json, logging, os, sys, tempfile
from pathlib import Path
logging.basicConfig(level=logging.INFO)
home = tempfile.mkdtemp()
os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = home
from isal import igzip
from scanner.engine import codebase, files, warm
from scanner.limits import Limits
ready = warm.warm_up()
left = os.listdir(home)
before = set(sys.modules)
root = Path(home, "root")
root.mkdir()
(root / "a.py").write_text("# Copyright 2020 Ada\\n# License: MIT\\n")
Path(home, "temporary").mkdir()
with igzip.open(Path(home, "findings"), "wt") as lines:
    lines.write(json.dumps(files.scan_file(Path(home), "root/a.py", ready.scanners, Limits()).as_dict()))
with Path(home, "findings").open("rb") as found, Path(home, "report.jsonl").open("w") as lines:
    codebase.assemble(Path(home), "root", found, lines, Path(home, "temporary"))
made = [json.loads(line) for line in Path(home, "report.jsonl").open()]
file, = (line["files"][0] for line in made if "files" in line and line["files"][0]["type"] == "file")
print(json.dumps({
    "left": [name for name in left if name.startswith("tmp")],
    "new": sorted(set(sys.modules) - before),
    "found": file["detected_license_expression"],
}))
"""


def test_after_the_start_a_scan_and_a_report_load_nothing_more() -> None:
    run = subprocess.run([sys.executable, "-c", _STARTED], capture_output=True, text=True, timeout=120)

    assert run.returncode == 0, run.stderr
    assert "rehearsed" not in run.stderr
    assert json.loads(run.stdout) == {"left": [], "new": [], "found": "mit"}
