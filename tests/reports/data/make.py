"""Make ugly.jsonl.gz and ugly.json.gz: what stock ScanCode says of a small, ugly codebase.

    .venv/bin/python -m tests.reports.data.make

The tree has what real ones have at their worst: GPL beside MIT, exceptions, licences nobody knows, none at all,
manifests that do not parse, bytes that are not UTF-8, and names that are formulas, markup or hide themselves.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
OPTIONS = ["-clpieu", "--classify", "--summary", "--license-clarity-score", "--tallies", "--license-references"]

MIT = b"""Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

FILES: dict[bytes, bytes] = {
    b"LICENSE": b"MIT License\n\nCopyright (c) 2019 Ugly Company, Inc.\n\n" + MIT,
    b"package.json": b"""{"name": "@ugly/<b>code</b>", "version": "=1+1", "license": "MIT",
 "description": "<script>alert(1)</script> \\u202e and more", "homepage": "javascript:alert(1)",
 "author": "=HYPERLINK(\\"http://evil.example\\") <a@example.org>",
 "dependencies": {"left-pad": "^1.0", "@scope/thing": "=2.0.0"}, "devDependencies": {"mocha": "*"}}""",
    b"vendor/python/setup.cfg": b"[metadata]\nname = vendored\nversion = 2.0\nlicense = BSD-3-Clause\n",
    b"vendor/python/one.py": b"# SPDX-License-Identifier: BSD-3-Clause\n# Copyright 2001 Regents\nimport os\n",
    b"vendor/broken/package.json": b"{not json",
    b"vendor/broken/pom.xml": b"<project><dependencies><",
    b"requirements.txt": b"requests>=2\nflask==3.1.0\n",
    b"src/gpl.c": b"/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note OR MIT\n"
    b"   Copyright (c) 2001 Jane Doe <jane@example.org> */\nint main(void) {}\n",
    b"src/gpl3.c": b"// This program is free software: you can redistribute it and/or modify it under\n"
    b"// the terms of the GNU General Public License as published by the Free Software\n"
    b"// Foundation, either version 3 of the\n"
    b"// License, or (at your option) any later version.\n",
    b"src/bash.c": b"// SPDX-License-Identifier: GPL-2.0-only WITH LicenseRef-scancode-bash-exception-gpl\n",
    b"src/exception.c": b"// As a special exception, the copyright holders of this library give you\n"
    b"// permission to link this library with independent modules to produce an\n"
    b"// executable, regardless of the license terms of\n"
    b"// these independent modules, and to copy and distribute the resulting executable under terms of\n"
    b"// your choice, provided that you also meet, for each linked independent module, the terms and\n"
    b"// conditions of the license of that module.\n",
    b"src/unknown.c": b"// This file is licensed under the Foobar Licence, see http://foo.example/license.txt.\n",
    b"src/proprietary.c": b"/* Copyright (C) 1999 Secret Corp. All rights reserved.\n"
    b" Proprietary and confidential. Unauthorized copying of this file is strictly prohibited. */\n",
    b"src/none.py": b"print(1)\n",
    b"src/clue.py": b"# LGPL\nprint('gpl')\n",
    b"src/empty.py": b"",
    b"src/latin.txt": b"Copyright (c) 2003 Andr\xe9 M\xfcller. Licensed under the Apache License, Version 2.0\n",
    b"src/utf16.txt": "Copyright (c) 2004 Wide Ltd. Licensed under the MIT License\n".encode("utf-16"),
    b"src/\xff\xfe.txt": b"Licensed under the MIT License\n",
    "src/日本語 😀.txt".encode(): "Copyright (c) 2005 株式会社. Licensed under the MIT License\n".encode(),
    b"names/=1+1.c": b"// Copyright (c) 2011 =cmd|' /C calc'!A0\n// License: MIT\n",
    b"names/+1.c": b"// Copyright (c) 2012 @SUM(1) Inc.\n",
    "names/＝1.c".encode(): b"// License: MIT\n",
    b"names/\tx.c": b"// License: MIT\n",
    b"names/a\nb.txt": b"public domain\n",
    b"names/\x01\x1b[31m.txt": b"Licensed under the MIT License\n",
    "names/\u202etxt.exe".encode(): b"Licensed under the MIT License\n",
    b"names/<script>alert(1)<": b"// Copyright (c) 2020 <img src=x onerror=alert(1)> Ltd.\n// License: MIT\n",
    b"names/<\x2ftext>": b"Relationship: SPDXRef-DOCUMENT\n",
    b"names/]]>&amp;\"'": b"License: MIT\n",
    b"names/%2e%2e%2f": b"License: MIT\n",
    b"names/\\..\\x": b"License: MIT\n",
    b"names/" + b"n" * 240: b"License: MIT\n",
    b"binary.dat": bytes(range(256)) * 8,
}


def make_tree(root: Path) -> None:
    """Write the ugly codebase."""
    for name, content in FILES.items():
        path = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(content)
    (root / "hollow").mkdir()


def main() -> None:
    """Scan it, and keep what ScanCode wrote."""
    with tempfile.TemporaryDirectory() as folder:
        make_tree(Path(folder, "ugly"))
        outputs = ["--json-lines", "ugly.jsonl", "--json", "ugly.json"]
        scancode = Path(sys.executable).with_name("scancode")
        subprocess.run([scancode, *OPTIONS, "-n", "1", "-q", *outputs, "ugly"], cwd=folder, check=False)
        for name in ("ugly.jsonl", "ugly.json"):
            text = Path(folder, name).read_bytes()
            (HERE / f"{name}.gz").write_bytes(gzip.compress(text, mtime=0))


if __name__ == "__main__":
    main()
