"""Load all that ScanCode loads lazily, once, so that a forked child finds it there."""

from __future__ import annotations

import gc
import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import scancode_config
from isal import igzip
from scancode import Scanner

from scanner.engine import gaps, index, speedups
from scanner.engine.codebase import assemble, forget_other_plugins
from scanner.engine.files import manifest_patterns, scan_file, scanners
from scanner.engine.speedups import resources
from scanner.engine.version import revision
from scanner.limits import Limits
from scanner.results import EngineVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Warm:
    """What a child needs and finds ready."""

    scanners: list[Scanner]
    version: EngineVersion
    manifests: list[str]


def warm_up() -> Warm:
    """Install the speed-ups, load the licence index, use every scanner once and make a report; then freeze it all.

    Frozen objects are never looked at by the garbage collector again, so that a child does not copy the pages they
    lie on by merely collecting.
    """
    gc.disable()
    digest = index.load(left_out=speedups.install())
    # What is made from here on is wanted by every child, and lies together.
    gaps.fill()
    using = scanners()
    forget_other_plugins()
    _rehearse(using)
    version = EngineVersion(scancode_config.__version__, digest, revision())
    # Without collecting first: half a second for what little garbage loading leaves.
    gc.freeze()
    gc.enable()
    gaps.fill()
    return Warm(using, version, manifest_patterns())


def _rehearse(using: list[Scanner]) -> None:
    """Scan a few files and put a report of them together, so that nothing is imported or compiled later."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in SAMPLES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            # Not UTF-8, so that the models which guess encodings are loaded too.
            (folder / path).write_text(text, encoding="latin-1")
        findings, temporary = folder / "findings.gz", folder / "temporary"
        with igzip.open(findings, "wt") as file:
            for path in SAMPLES:
                file.write(json.dumps(scan_file(folder, path, using, Limits()).as_dict()) + "\n")
        temporary.mkdir()
        try:
            with findings.open("rb") as found, (folder / "report.jsonl").open("w") as lines:
                assemble(folder, "a", found, lines, temporary)
        except Exception:
            log.warning("no report could be rehearsed", exc_info=True)
    # Or else each child would take apart what is left of it.
    resources.forget()


_NOTICE = """Copyright (c) 2020 Example Inc. and others. All rights reserved.
SPDX-License-Identifier: MIT OR Apache-2.0
Licensed under the terms of the GNU General Public License, version 2 or later, see http://example.com/license.
Written by Jérôme Doe <jane@doe.net>
"""
#: Files that between them touch every scanner.
SAMPLES = {
    "a/example.py": f'"""{_NOTICE}"""\nimport os\n',
    "a/example.js": f"/* {_NOTICE} */\nvar a = 1;\n",
    "a/example.c": f"/* {_NOTICE} */\nint main() {{ return 0; }}\n",
    "a/example.html": f"<html><body><p>{_NOTICE}</p></body></html>\n",
    "a/README.md": f"# Example\n\n{_NOTICE}\n",
    "a/LICENSE": _NOTICE,
    "a/package.json": '{"name": "example", "version": "1.0.0", "license": "MIT", "dependencies": {"a": "^1.0"}}',
    "a/setup.py": "from setuptools import setup\nsetup(name='example', version='1.0', license='MIT')\n",
    "a/setup.cfg": "[metadata]\nname = example\nversion = 1.0\nlicense = MIT\n",
    "a/pyproject.toml": '[project]\nname = "example"\nversion = "1.0"\nlicense = {text = "MIT"}\n',
    "a/requirements.txt": "flask==3.1.0\n",
    "a/Cargo.toml": '[package]\nname = "example"\nversion = "1.0.0"\nlicense = "MIT"\n',
    "a/pom.xml": "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>b</artifactId>"
    "<version>1</version><licenses><license><name>MIT</name></license></licenses></project>",
    "a/Gemfile": "source 'https://rubygems.org'\ngem 'rails', '7.0'\n",
    "a/example.gemspec": "Gem::Specification.new do |s|\n  s.name = 'example'\n  s.license = 'MIT'\nend\n",
    "a/go.mod": "module example.com/a\n\nrequire example.com/b v1.0.0\n",
    "a/composer.json": '{"name": "a/b", "version": "1.0.0", "license": "MIT"}',
    "a/debian/copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    "Files: *\nCopyright: 2020 Example\nLicense: MIT\n",
}
