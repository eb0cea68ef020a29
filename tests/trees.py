"""Small pieces of code to scan, packed as a stranger would pack them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import licensedcode

MIT = """MIT License

Copyright (c) 2024 Ada Lovelace

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

#: A package whose report has something in every part.
PACKAGE: dict[str, str] = {
    "hello/LICENSE": MIT,
    "hello/package.json": json.dumps(
        {"name": "hello", "version": "1.2.3", "license": "MIT", "dependencies": {"left-pad": "^1.3.0"}}
    ),
    "hello/index.js": "// SPDX-License-Identifier: MIT\n// Copyright (c) 2024 Ada Lovelace <ada@example.org>\n",
    "hello/lib/other.c": "/* SPDX-License-Identifier: GPL-2.0-only */\n/* Copyright 2019 Charles Babbage */\nint x;\n",
    "hello/README": "See https://example.org/hello\n",
}


def tar_gz(files: Mapping[str, str | bytes], when: int = 1_700_000_000) -> bytes:
    """Pack ``files`` (name → content), all of one date in seconds since 1970."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mtime = when
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Pack ``files`` (name → content) as a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def rule_texts(count: int, start: int = 0) -> dict[str, bytes]:
    """Return so many of ScanCode's own rule files: dense licence text, slow to scan."""
    paths = sorted((Path(licensedcode.__file__).parent / "data" / "rules").glob("*.RULE"))[start : start + count]
    assert paths, "ScanCode's rules are not where they were"
    return {f"rules/{path.stem}.txt": path.read_bytes() for path in paths}
