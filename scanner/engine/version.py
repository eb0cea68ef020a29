"""What the engine is: everything that decides its findings, in three short texts."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib import metadata
from pathlib import Path

#: Raised by hand only if findings change through something that is neither code of the engine nor a package.
GENERATION = "1"


def revision() -> str:
    """Return a digest of the engine's code and of the versions of every installed package.

    ScanCode's findings depend on libraries for file types, encodings, markup and manifests; rather than guess which,
    any change of any of them counts as a new engine, at the price of a cold cache.
    """
    digest = hashlib.sha256(f"{GENERATION}\0{sys.version}\0{os.environ.get('SCANNER_STOCK', '')}".encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    for name in sorted(f"{package.name}=={package.version}" for package in metadata.distributions()):
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()[:16]
