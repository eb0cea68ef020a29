"""At most so many connections to one host at a time, over all processes of a machine: locks on a few files."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def slot(folder: Path | None, host: str, most: int, wait: Callable[[], None]) -> Iterator[None]:
    """Hold one of a host's places as long as the context lasts; ``wait`` is called while none is free.

    The kernel gives a place back when its holder ends, however it ends. Without a folder there is no limit.
    """
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    # A few thousand names at most, whatever hosts strangers think of; two hosts that share one just wait a little.
    name = hashlib.sha256(host.encode()).hexdigest()[:3]
    while True:
        for number in range(most):
            with (folder / f"{name}-{number}").open("ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
        wait()
