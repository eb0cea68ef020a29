"""Names that the archive chose, written so that they can be read and given back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.archives import names, suffixes
from scanner.errors import ArchiveRefused


@given(st.binary())
def test_what_was_escaped_can_be_given_back(part: bytes) -> None:
    assert names.unescaped(names.escaped(part)) == part


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_escaped_is_visible(part: str) -> None:
    written = names.escaped(part.encode())

    assert not set(written) & {chr(code) for code in [*range(32), 0x7F, 0x202E, 0x200B, 0x2028, 0xFEFF, 0x5C]}


@given(st.binary(max_size=100))
def test_parts_never_point_elsewhere(name: bytes) -> None:
    try:
        parts = names.parts(name)
    except ArchiveRefused:
        return

    assert not {"", ".", ".."} & set(parts)
    assert not any("/" in part or "\0" in part or "\\" in part for part in parts)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(60, 255))
def test_a_cut_name_fits(part: str, limit: int) -> None:
    assert len(names.fitting(part, limit).encode()) <= limit


def test_a_cut_name_keeps_its_end_and_stays_unique() -> None:
    first, second = (names.fitting("long" * 100 + letter + ".tar.gz", 255) for letter in "ab")

    assert first.endswith(".tar.gz")
    assert first != second


@pytest.mark.parametrize(
    ("part", "second"), [("a.txt", "a_2.txt"), ("a.tar.gz", "a_2.tar.gz"), ("LICENSE", "LICENSE_2"), (".git", ".git_2")]
)
def test_the_second_of_a_name_gets_a_number_before_its_ending(part: str, second: str) -> None:
    assert names.numbered(part, 2) == second


def test_a_name_in_a_sentence_is_short_and_visible() -> None:
    assert names.shown(b"a\x1b[0m") == "“a{U+001B}[0m”"
    assert len(names.shown(b"x" * 5_000)) < 130


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("flask-3.1.0.tar.gz", "flask-3.1.0"),
        ("requests-2.32.3-py3-none-any.whl", "requests-2.32.3-py3-none-any"),
        ("linux.tar.zst", "linux"),
        ("package.tgz", "package"),
        ("A.ZIP", "A"),
        ("data.json.gz", "data.json"),
        ("thing", "thing"),
        (".zip", ".zip"),
        ("..zip", "..zip"),
        ("...tar.gz", "...tar"),
    ],
)
def test_a_folder_is_named_after_its_archive(name: str, stem: str) -> None:
    assert suffixes.stem(name) == stem
