"""A repository, and git's own server for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.git import GitServer, Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "srv" / "owner" / "project.git")
    made.commit({"LICENSE": "MIT\n", "src/main.py": "print()\n", "src/deep/x.c": "int x;\n"})
    return made


@pytest.fixture
def server(tmp_path: Path, repository: Repository) -> Iterator[GitServer]:
    with GitServer(tmp_path / "srv") as running:
        yield running


@pytest.fixture
def url(server: GitServer) -> str:
    return server.url("/owner/project.git")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fetched"
    made.mkdir()
    return made
