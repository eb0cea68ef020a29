"""What is loaded at start and what while nobody asks."""

from __future__ import annotations

import subprocess
import sys

#: In a process of its own, because all that is loaded stays loaded.
_REHEARSED = """
import json, logging, os, sys, tempfile, time
from pathlib import Path
logging.basicConfig(level=logging.INFO)
home = tempfile.mkdtemp()
os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = home
from scanner.engine import warm
ready = warm.warm_up()
steps = list(warm.rehearse(ready))
before = set(sys.modules)
list(warm.rehearse(ready))
print(json.dumps({"steps": len(steps), "new": sorted(set(sys.modules) - before), "left": os.listdir(home)}))
"""


def test_a_report_is_rehearsed_in_one_step_without_trouble_and_leaves_nothing() -> None:
    run = subprocess.run([sys.executable, "-c", _REHEARSED], capture_output=True, text=True, timeout=120)

    assert "rehearsed" not in run.stderr
    assert run.returncode == 0, run.stderr
    assert '"steps": 1' in run.stdout
    assert '"new": []' in run.stdout
    assert "report" not in run.stdout
