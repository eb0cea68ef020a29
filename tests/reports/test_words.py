"""Texts that cannot be written, and licence expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.words import (
    by_weight,
    clean,
    clean_deep,
    license_keys,
    one_line,
    to_spdx,
    visible,
    visible_lines,
    xml_text,
)

ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANYTHING)
def test_it_cleans_any_text_so_that_it_can_be_written(text: str) -> None:
    assert b"\0" not in clean(text).encode()


def test_it_spells_out_bytes_that_are_not_utf_8() -> None:
    assert clean(b"a\xff".decode("utf-8", "surrogateescape")) == r"a\xff"
    assert clean("a\ud800\0") == r"a\ud800\x00"
    assert clean("héllo 😀\n") == "héllo 😀\n"


def test_it_cleans_keys_and_values_at_any_depth() -> None:
    assert clean_deep({"\udcff": [{"a": "\0"}, 1, None]}) == {r"\xff": [{"a": r"\x00"}, 1, None]}


@given(ANYTHING)
def test_it_makes_any_text_fit_for_xml_and_for_one_line(text: str) -> None:
    assert not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", xml_text(text))
    assert len(one_line(text).splitlines()) <= 1


def test_it_shows_what_would_hide() -> None:
    assert visible("a\u202eb\n") == "a⟨U+202E⟩b⟨U+000A⟩"
    assert visible_lines("a\tb\r\nc\u202e") == "a\tb\nc⟨U+202E⟩"


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        (None, []),
        ("mit", ["mit"]),
        ("(mit OR gpl-2.0 WITH classpath-exception-2.0) AND mit", ["mit", "gpl-2.0", "classpath-exception-2.0"]),
    ],
)
def test_it_finds_the_keys_of_an_expression(expression: str | None, keys: list[str]) -> None:
    assert license_keys(expression) == keys


def test_it_writes_an_expression_with_spdx_ids() -> None:
    ids = {"mit": "MIT", "gpl-2.0": "GPL-2.0-only"}

    assert to_spdx("(mit OR gpl-2.0) AND foo", ids) == "(MIT OR GPL-2.0-only) AND LicenseRef-scancode-foo"
    assert to_spdx(None, ids) is None


def test_it_puts_what_asks_most_first_and_does_not_choke_on_a_new_category() -> None:
    assert by_weight(["Permissive", "Copyleft", "Permissive"]) == ["Copyleft", "Permissive"]
    assert by_weight(["Permissive", "Brand New"]) == ["Brand New", "Permissive"]
