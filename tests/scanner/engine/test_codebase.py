"""The report is stock ScanCode's own."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from pip._vendor import distlib

from scanner.engine.client import Engine
from scanner.errors import EngineError
from scanner.limits import Limits
from scanner.results import FileFindings
from tests.packages import Unavailable, differences, package, stock_reports
from tests.scanner.engine.whole import read, report
from tests.trees import MIT, tar_gz, zipped

PACKAGES = {
    "npm": ("npm", "express", "4.21.2"),
    "gem and bower": ("npm", "breakpoint-sass", "2.7.1"),
    "sdist and cargo": ("sdist", "bcrypt", "4.2.1"),
    "wheel": ("wheel", "six", "1.17.0"),
}
MADE = ("strange names and files", "a single file", "an empty folder")


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path | Unavailable]:
    """What is scanned, by name."""
    found: dict[str, Path | Unavailable] = {}
    for name, kind in PACKAGES.items():
        try:
            found[name] = package(*kind)
        except Unavailable as reason:
            found[name] = reason
    place = tmp_path_factory.mktemp("made")
    single, empty = place / "hello.c", place / "nothing"
    single.write_text("/* SPDX-License-Identifier: MIT */\n/* Copyright (c) 2024 Ada */\n")
    os.utime(single, (1_700_000_000, 1_700_000_000))
    empty.mkdir()
    return found | dict(zip(MADE, (_strange(place / "strange-1"), single, empty), strict=True))


@pytest.fixture(scope="module")
def stock(subjects: dict[str, Path | Unavailable]) -> dict[str, dict[str, Any]]:
    """What the stock command says of each."""
    there = {name: path for name, path in subjects.items() if isinstance(path, Path)}
    return dict(zip(there, stock_reports(list(there.values())), strict=True))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [*PACKAGES, *MADE])
def test_the_report_is_stocks_own(
    name: str, engine: Engine, subjects: dict[str, Path], stock: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    subject = subjects[name]
    if isinstance(subject, Unavailable):
        pytest.skip(str(subject))

    ours = report(engine, subject.parent, subject.name, tmp_path)

    assert differences(stock[name], ours) == []
    assert str(subject.parent) not in json.dumps(ours)
    assert _from_lines(tmp_path / "report.jsonl") == {key: value for key, value in ours.items() if value}


def _from_lines(path: Path) -> dict[str, Any]:
    """Put the parts of JSON Lines together again."""
    whole: dict[str, Any] = {}
    for line in path.read_text().splitlines():
        for key, value in json.loads(line).items():
            whole.setdefault(key, []).extend(value) if key == "files" else whole.update({key: value})
    return whole


def _metadata_of_a_gem() -> bytes:
    text = "--- !ruby/object:Gem::Specification\nname: hello\nversion: !ruby/object:Gem::Version\n  version: 1.2.3\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as gem:
        for name, data in {"data.tar.gz": b"", "metadata.gz": gzip.compress(text.encode(), mtime=0)}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            gem.addfile(member, io.BytesIO(data))
    return packed.getvalue()


#: What archives hold now and then, and what sets special code of ScanCode's in motion.
STRANGE: dict[bytes, bytes] = {
    b"with space": b"Copyright (c) 2024 Ada\n",
    b" leading": b"MIT License\n",
    b"new\nline.c": b"/* GPL-2.0 */\n",
    b"<script>alert(1)</script>.js": b"// SPDX-License-Identifier: MIT\n",
    "ünï/cödé.py".encode(): "# Copyright © 2024 Ünï Cödé <ada@example.org>\n".encode(),
    b"back\\slash/a\\b.txt": b"http://example.org/license\n",
    b"-dash/--json": b"x\n",
    b"~/~root": b"x\n",
    b"$HOME/`id`": b"x\n",
    b"not \xff utf-8/\xfe.txt": b"Apache License 2.0\n",
    b"empty": b"",
    b"only/folders/deep/down/LICENSE": MIT.encode(),
    b"random.bin": bytes(range(256)) * 40,
    b"long-line.js": b"var a='" + b"x" * 200_000 + b"'; /* MIT */\n",
    b"nulls.txt": b"MIT\0License\0" * 100,
    b"utf16.txt": MIT.encode("utf-16"),
    b"latin.txt": "Copyright (c) 2024 Jérôme\n".encode("latin-1"),
    b"hello-1.2.3.gem": _metadata_of_a_gem(),
    b"hello.jar": zipped({"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n"}),
    b"hello-1.2.3-py3-none-any.whl": zipped({"hello-1.2.3.dist-info/METADATA": "Name: hello\nVersion: 1.2.3\n"}),
    b"hello.tar.gz": tar_gz({"a": "b"}),
    b"broken/package.json": b"{ not json",
    b"broken/setup.py": b"def (:\n",
    b"broken/pom.xml": b"<project><",
    b"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\nBundle-SymbolicName: org.example.hello\nBundle-Version: 1.0\n",
    b"image.png": b"\x89PNG\r\n\x1a\n" + b"\0" * 60,
    b"paper.pdf": b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n",
    b".git/config": b"[core]\n",
    b"debian/copyright": b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
    b"Files: *\nCopyright: 2020 Ada\nLicense: Expat\n",
}


def _strange(folder: Path) -> Path:
    for name, content in STRANGE.items():
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    # A program for another system, which every pip brings along.
    program = Path(distlib.__file__).with_name("t64.exe")
    (folder / "t64.exe").write_bytes(program.read_bytes())
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def test_an_error_on_a_file_is_in_the_report(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for name in ("good.c", "bad.c", "forgotten.c"):
        (tmp_path / "root" / name).write_text("int x;\n")
    findings = [FileFindings("root/good.c"), FileFindings("root/bad.c", errors=("ERROR: it hangs",))]
    packed = tmp_path / "findings.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(json.dumps(one.as_dict()) + "\n" for one in findings).encode()))
    (tmp_path / "out").mkdir()

    engine.assemble(tmp_path, "root", [packed], tmp_path / "out", limits=Limits())

    whole = read(tmp_path / "out" / "report.jsonl")
    assert {file["path"]: file["scan_errors"] for file in whole["files"]} == {
        "root": [],
        "root/good.c": [],
        "root/bad.c": ["ERROR: it hangs"],
        "root/forgotten.c": ["ERROR: Processing interrupted: this file was not scanned."],
    }
    assert whole["headers"][0]["errors"] == ["Path: root/bad.c", "Path: root/forgotten.c"]


def test_a_root_that_is_not_there_is_an_error(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as error:
        engine.assemble(tmp_path, "none", [], tmp_path, limits=Limits())

    assert "No such file or directory: 'none'" in str(error.value)
    assert str(tmp_path) not in str(error.value)
