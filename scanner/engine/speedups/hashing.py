"""Hash a file from one reading of its own size.

Stock makes room for 16 MB to read each file into, and counts bytes in Python. The digests are the same functions of the
same bytes; Git's is SHA-1 of a header with the length, and the content. Larger files, and other digests, are left to
stock.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable

from commoncode import filetype, hash

from scanner.engine.speedups import Replacement

_stock_multi_checksums = hash.multi_checksums
_DIGESTS: dict[str, Callable[[bytes], str]] = {
    "md5": lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest(),
    "sha1": lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    "sha256": lambda content: hashlib.sha256(content).hexdigest(),
    "sha512": lambda content: hashlib.sha512(content).hexdigest(),
    "sha1_git": lambda content: hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest(),
}


def multi_checksums(
    location: str, checksum_names: Iterable[str] = ("md5", "sha1", "sha256", "sha512", "sha1_git")
) -> dict[str, str | None]:
    """Return the digests of a file by name; None for each if it is empty or no regular file."""
    names = tuple(checksum_names)
    if not filetype.is_file(location):
        return dict.fromkeys(names)
    size = os.path.getsize(location)  # noqa: PTH202 - a location is a text, and this is done for each file.
    if size > hash.FILE_CHUNK_SIZE or not _DIGESTS.keys() >= set(names):
        digests: dict[str, str | None] = _stock_multi_checksums(location, names)
        return digests
    with open(location, "rb") as file:  # noqa: PTH123 - as above.
        content = file.read(size)
    return {name: _DIGESTS[name](content) if content else None for name in names}


REPLACEMENTS = (
    Replacement(
        "commoncode.hash",
        "multi_checksums",
        "3d9e2c3f63c92622",
        multi_checksums,
        also_in=("scancode.api",),
        relies_on={
            "commoncode.hash:sha1_git_hasher": "f1536bbb87caf551",
            "commoncode.hash:Hashable": "5d50f430ae72d316",
        },
    ),
)
