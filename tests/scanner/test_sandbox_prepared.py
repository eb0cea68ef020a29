"""What a process gives up once, for all children that it forks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scanner import sandbox

HAVE = sandbox.capabilities()
HERE = str(Path(sandbox.__file__).parents[1])


@pytest.mark.skipif(not HAVE.network_namespace, reason="this user may make no network namespaces")
@pytest.mark.parametrize("user", [0, 65534])
def test_who_has_left_the_network_takes_its_children_along(user: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    program = f"""
import os, sys
sys.path.insert(0, {HERE!r})
from scanner import sandbox
if {user}:
    os.setgroups([]); os.setgid({user}); os.setuid({user})
before = os.readlink('/proc/self/ns/net')
sandbox.leave_network()
left = os.readlink('/proc/self/ns/net')
sandbox.leave_network()
if os.fork() == 0:
    sandbox.enter(memory=10**8)
    print(left != before, os.readlink('/proc/self/ns/net') == left, len(open('/proc/self/net/dev').readlines()) - 2)
else:
    os.wait()
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")

    assert run.stdout.split() == ["True", "True", "1"], run.stderr


@pytest.mark.skipif(not (HAVE.seccomp and HAVE.network_namespace), reason="this kernel lacks one of the two")
def test_what_is_prepared_once_holds_for_each_child() -> None:
    program = f"""
import os, sys
sys.path.insert(0, {HERE!r})
from scanner import sandbox
sandbox.prepare()
for _ in range(2):
    if os.fork() == 0:
        sandbox.enter(memory=10**8, metadata=False)
        os.kill(os.getpid(), 0)
        refused = []
        for attempt in (lambda: os.kill(os.getppid(), 0), lambda: os.chmod('/tmp', 0o1777), os.fork):
            try:
                attempt()
            except OSError as error:
                refused.append(error.errno)
        bound = [line.split()[1] for line in open('/proc/self/status') if line.startswith('CapBnd')]
        print(refused, int(bound[0], 16), len(open('/proc/self/net/dev').readlines()) - 2, flush=True)
        os._exit(0)
    os.wait()
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")

    bound = "0" if os.geteuid() == 0 else str(int(_status("CapBnd"), 16))
    assert run.stdout.splitlines() == [f"[1, 1, 1] {bound} 1"] * 2, run.stderr


def _status(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name))
