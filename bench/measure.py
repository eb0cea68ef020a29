"""What a run costs: CPU seconds, wall seconds, and memory at its peak, children included."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_TICK = os.sysconf("SC_CLK_TCK")
#: Seconds between two looks at the memory, and how many times longer than the look itself that is at least.
_LOOK, _LONGER = 0.25, 20
#: How long a process that was started is given to end, seconds.
_ENDING = 5.0


@dataclass(frozen=True)
class Cost:
    cpu: float  #: seconds, user and system, of the process and all its ended children
    wall: float  #: seconds
    pss: int  #: bytes at the peak, shared pages divided among those who share them


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and of those of its children that it has waited for (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK


def wait_for_rest(pid: int) -> None:
    """Wait until a process does nothing for two seconds: after its start the engine still puts its memory in order."""
    before = None
    while before != (before := cpu_seconds(pid)):
        time.sleep(2)


def tree_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all below it, also of those that have ended there."""
    total = 0.0
    for below in tree(pid):
        with suppress(OSError):
            total += cpu_seconds(below)
    return total


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    listings: list[Path] = []
    # It, or one of its threads, may end at any moment, or have ended.
    with suppress(OSError):
        listings += Path(f"/proc/{pid}/task").glob("*/children")
    for listing in listings:
        with suppress(OSError):
            for child in listing.read_text().split():
                found += tree(int(child))
    return found


def own(pid: int) -> int:
    """Return the memory that a process shares with no other, bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def pss(pids: list[int]) -> int:
    """Return the memory of processes, bytes: their own, and their share of what they share."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def cost_of(work: Callable[[], T], pids: list[int], *, memory: bool = True) -> tuple[T, Cost]:
    """Run ``work`` and return what it returned and what it cost in the processes ``pids``, and all below them.

    A process that is started meanwhile is waited for, since what it took is known once it has ended. Looking at the
    memory takes a twentieth of a core; without ``memory`` that is left to the work.
    """
    peak, looking = [0], [0.0]
    before = {below for pid in pids for below in tree(pid)}
    over = threading.Event()

    def watch() -> None:
        pause = _LOOK
        while not over.wait(pause):
            began = time.thread_time()
            peak[0] = max(peak[0], pss(sorted({below for pid in pids for below in tree(pid)})))
            pause = max(_LOOK, _LONGER * (time.thread_time() - began))
        looking[0] = time.thread_time()

    watcher = threading.Thread(target=watch, daemon=True)
    if memory:
        watcher.start()
    cpu, began = sum(map(cpu_seconds, pids)), time.monotonic()
    try:
        result = work()
    finally:
        wall = time.monotonic() - began
        over.set()
        if memory:
            watcher.join()
    until, waiting = time.monotonic() + _ENDING, time.thread_time()
    while time.monotonic() < until and not before.issuperset(below for pid in pids for below in tree(pid)):
        time.sleep(0.002)
    # Adding up the pages of a gigabyte takes so long that it would show, and so does waiting for the end of a scan that
    # takes a few milliseconds.
    looking[0] += time.thread_time() - waiting
    return result, Cost(sum(map(cpu_seconds, pids)) - cpu - looking[0], wall, peak[0])
