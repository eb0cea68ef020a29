from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reports import store, texts
from reports.texts import Texts, build
from tests.webapp.builders import a_file, scancode_lines


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "app").mkdir(parents=True)
    return folder


def kept(workspace: Path, *files: dict[str, Any], whole: bool = True) -> Texts:
    """Return the texts kept of these files, which ScanCode is said to have listed."""
    folder = workspace.parent
    (folder / "lines").write_text("".join(json.dumps(line) + "\n" for line in scancode_lines(*files)))
    store.build(folder / "lines", folder / "report.sqlite", about={})
    build(workspace, folder / "report.sqlite", folder / "texts.sqlite", whole=whole)
    return Texts(folder / "texts.sqlite")


def test_it_keeps_texts_by_line(workspace: Path) -> None:
    (workspace / "app" / "main.py").write_bytes(b"one\r\ntwo\rthree\n\nfive \xc3\xa9")

    with kept(workspace, a_file("app/main.py")) as found:
        assert found.lines("app/main.py") == ["one", "two", "three", "", "five é"]


def test_it_counts_lines_as_scancode_does(workspace: Path) -> None:
    (workspace / "app" / "main.py").write_text("one\u2028still one\x0cstill one\x85\ntwo", encoding="utf-8")

    with kept(workspace, a_file("app/main.py")) as found:
        assert len(found.lines("app/main.py") or ()) == 2


def test_it_reads_what_is_not_utf_8(workspace: Path) -> None:
    (workspace / "app" / "main.py").write_bytes(b"caf\xe9\ncaf\xc3\xa9\n\x00")

    with kept(workspace, a_file("app/main.py")) as found:
        assert found.lines("app/main.py") == ["café", "café", "\x00"]


def test_it_finds_files_whose_names_are_not_utf_8(workspace: Path) -> None:
    Path(os.fsdecode(os.fsencode(workspace / "app") + b"/\xff\xfe.py")).write_text("here")

    with kept(workspace, a_file("app/\udcff\udcfe.py")) as found:
        assert found.lines("app/\\xff\\xfe.py") == ["here"]


def test_it_leaves_out_what_is_no_text_or_too_large(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LARGEST", 100)
    (workspace / "app" / "binary").write_bytes(b"x")
    (workspace / "app" / "large").write_bytes(b"x" * 101)
    (workspace / "app" / "said-to-be-small").write_bytes(b"x" * 101)

    files = [
        a_file("app/binary", is_binary=True),
        a_file("app/large", size=101),
        a_file("app/said-to-be-small", size=1),
    ]
    with kept(workspace, *files) as found:
        assert [found.lines(file["path"]) for file in files] == [None, None, None]


def test_it_keeps_no_more_than_so_much(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "TOTAL", 10)
    for name in "abc":
        (workspace / "app" / name).write_bytes(os.urandom(50))

    with kept(workspace, *(a_file(f"app/{name}", size=50) for name in "abc")) as found:
        assert [found.lines(f"app/{name}") is None for name in "abc"] == [False, True, True]


def test_where_texts_are_not_kept_what_matched_a_licence_is(workspace: Path) -> None:
    (workspace / "app" / "main.py").write_bytes(b"one\ntwo\nthree\r\nfour\nfive")

    with kept(workspace, a_file("app/main.py"), whole=False) as found:
        assert found.lines("app/main.py") is None
        assert found.passage("app/main.py", 3, 4) == ["three", "four"]
        assert found.passage("app/main.py", 1, 2) is None


def test_of_a_large_file_what_matched_a_licence_is_kept(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LARGEST", 20)
    (workspace / "app" / "main.py").write_bytes(b"one\ntwo\nthree\nfour\n" + b"x" * 100)

    with kept(workspace, a_file("app/main.py", size=119)) as found:
        assert found.lines("app/main.py") is None
        assert found.passage("app/main.py", 3, 4) == ["three", "four"]


def test_a_passage_of_a_whole_text_is_cut_out_of_it(workspace: Path) -> None:
    (workspace / "app" / "main.py").write_bytes(b"one\ntwo\nthree")

    with kept(workspace, a_file("app/main.py")) as found:
        assert found.passage("app/main.py", 2, 3) == ["two", "three"]
        assert [found.passage("app/main.py", *span) for span in ((0, 0), (-3, 1), (9, 2), (9, 11))] == [
            [],
            ["one"],
            [],
            [],
        ]


def test_texts_kept_before_there_were_passages_have_none(workspace: Path) -> None:
    with kept(workspace, a_file("app/main.py")):
        pass
    with closing(sqlite3.connect(workspace.parent / "texts.sqlite")) as connection:
        connection.execute("DROP TABLE passage")

    with Texts(workspace.parent / "texts.sqlite") as found:
        assert found.passage("app/main.py", 3, 4) is None


@pytest.mark.parametrize(
    "path",
    ["../secret", "app/../../secret", "app/./main.py", "app//main.py", "/etc/hostname", "app/link",
     "app/folder-link/secret", "app/pipe", "app/folder", "app/nowhere", "app/nul\x00", "app/" + "x" * 300],
)  # fmt: skip
def test_it_never_leaves_the_workspace(workspace: Path, path: str) -> None:
    (workspace.parent / "secret").write_text("secret")
    (workspace / "app" / "link").symlink_to("../../secret")
    (workspace / "app" / "folder-link").symlink_to("../..")
    (workspace / "app" / "folder").mkdir()
    (workspace / "app" / "main.py").write_text("fine")
    os.mkfifo(workspace / "app" / "pipe")

    with kept(workspace, a_file(path)) as found:
        assert found.lines(path) is None
        assert found.lines(path.replace("\x00", "\\x00")) is None
