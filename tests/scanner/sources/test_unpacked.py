"""From the pasted text to the tree that is scanned: every kind of source gives the files that were published."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from scanner import archives
from scanner.registries import Registries
from scanner.sources import Access
from tests.scanner.sources.builders import LIMITS, fetch
from tests.servers import http as serve
from tests.servers import oci
from tests.servers.git import GitServer, Repository
from tests.servers.http import HttpServer
from tests.servers.registries import _sha, as_json

TREE = {
    "LICENSE": b"MIT License\n\nCopyright (c) 2026 Example\n",
    "src/main.py": b"# SPDX-License-Identifier: Apache-2.0\nprint('hello')\n",
    "src/vendor/x.c": b"/* Copyright 2020 Somebody Else */\n",
    "docs/ä b.txt": b"text\n",
    "data.bin": bytes(range(256)) * 40,
    "empty": b"",
}


def tar_of_tree(top: str) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in TREE.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(raw.getvalue())


@contextmanager
def file(_folder: Path):
    with HttpServer({"/demo-1.0.tar.gz": serve.content(tar_of_tree("demo-1.0"))}) as server:
        yield server.url("/demo-1.0.tar.gz"), Access()


@contextmanager
def git(folder: Path):
    Repository(folder / "demo.git").commit(dict(TREE))
    with GitServer(folder) as server:
        yield server.url("/demo.git"), Access()


@contextmanager
def package(_folder: Path):
    body = tar_of_tree("package")
    with HttpServer({"/demo/-/demo-1.0.0.tgz": serve.content(body)}) as server:
        dist = {"tarball": server.url("/demo/-/demo-1.0.0.tgz"), "shasum": _sha(body, "sha1")}
        server.routes["/demo/latest"] = as_json({"name": "demo", "version": "1.0.0", "dist": dist})
        yield "pkg:npm/demo", Access(registries=Registries(npm=server.url("")))


@contextmanager
def image(_folder: Path):
    names = list(TREE)
    lower = oci.layer({**{name: TREE[name] for name in names[:4]}, "removed": b"x", "data.bin": b"old"})
    upper = oci.layer({".wh.removed": b"", **{name: TREE[name] for name in names[4:]}})
    with oci.ImageServer() as server:
        server.push("library/demo", "latest", [lower, upper])
        yield "docker://demo", Access(registries=Registries(docker=server.url("")))


@pytest.mark.parametrize("kind", [file, git, package, image], ids=lambda kind: kind.__name__)
def test_the_tree_that_is_scanned_is_the_one_that_was_published(
    tmp_path: Path, kind: Callable[[Path], AbstractContextManager[tuple[str, Access]]]
) -> None:
    (tmp_path / "fetched").mkdir()
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    with kind(tmp_path / "srv") as (text, access):
        source, path = fetch(text, tmp_path / "fetched", access=access)
    unpacked = archives.unpack(path, source.filename, workspace, limits=LIMITS, progress=lambda _done, _whole: None)

    root = workspace / unpacked.root
    found = {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}
    assert found == TREE
    assert [entry.name for entry in workspace.iterdir()] == [unpacked.root]
