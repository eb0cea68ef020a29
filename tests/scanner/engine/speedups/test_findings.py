"""All of the speed-ups but those of licence detection together, against stock in a process of its own."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from .texts import SOURCES, sample, write

SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
from scanner.engine import speedups
speedups.MODULES = tuple(json.loads(sys.argv[1]))
assert speedups.install() == []
from scancode import api
found = {}
for location in sys.stdin.read().split():
    for scan in (api.get_file_info, api.get_copyrights, api.get_emails, api.get_urls):
        try:
            found[f"{location} {scan.__name__}"] = scan(location)
        except Exception as error:
            found[f"{location} {scan.__name__}"] = repr(error)
print(json.dumps(found))
"""
MODULES = (
    *("lexing", "parsing", "line_preparation", "candidate_lines", "file_types", "lexer_lookup", "binary_check"),
    *("text_lines", "email_and_url_search", "markup_check", "hashing"),
)


def findings(locations, stock):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(MODULES)],
        input="\n".join(locations),
        env={**os.environ, "SCANNER_STOCK": "1" if stock else "0"},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


@pytest.fixture
def locations(tmp_path):
    """Files of texts whole and damaged, of code, and of no text at all."""
    chance = random.Random(5)
    located = write(tmp_path, sample(60, seed=101))
    for number in range(12):
        path = tmp_path / f"binary{number}{chance.choice(['', '.png', '.js', '.pyc', '.txt'])}"
        start = chance.choice(
            [b"\x7fELF", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n", b"PK\x03\x04", b"", b"GIF89a", b"\xff\xfe"]
        )
        path.write_bytes(
            start + chance.randbytes(chance.randrange(3000)) + b"Copyright (c) 2001 Foo Bar <foo@bar.com>\n" * 3
        )
        located.append(str(path))
    for name, text in {
        "CREDITS": "N: Foo Bar\nE: foo@bar.com\nW: http://www.bar.com/\n\nN: Baz\n",
        "x.js.map": json.dumps({"version": 3, "sourcesContent": ["// Copyright 2004 Foo\\n", "see http://a.com/b"]}),
        "broken.js.map": '{"version": 3',
        "x.min.js": "/*! (c) 2010-2014 Foo Inc. */" + "var a=1,b='http://x.com/y',c=\"d@e.com\";" * 200,
        "x.html": "<html><body>" + "<p>&copy; 2004 <b>Foo</b> Bar, <a href='http://foo.com/x'>Foo</a></p>\n" * 20,
        "empty": "",
        "sfd.sfd": "SplineFontDB: 3.0\nCopyright: Copyright 2003 Foo Bar\n",
    }.items():
        (tmp_path / name).write_text(text)
        located.append(str(tmp_path / name))
    return located + [str(path) for path in chance.sample(sorted(SOURCES.glob("*.py")), 10)]


def test_the_findings_are_stocks(locations):
    found, expected = findings(locations, stock=False), findings(locations, stock=True)

    assert list(found) == list(expected)
    for asked in expected:
        assert found[asked] == expected[asked], asked
    assert sum(bool(each.get("copyrights")) for each in expected.values() if isinstance(each, dict)) > 10
