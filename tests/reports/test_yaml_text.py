"""YAML that PyYAML reads back as the value that it was made from, whatever the texts in it look like."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.words import clean_deep
from reports.writers.yaml_text import block
from tests.naughty import NAUGHTY

#: What YAML takes for something else than a text, or for the end of one.
TRICKY = (
    "No", "y", "~", "=", "<<", "a: b", "a #b", "- x", "? y", "a:", "a ", "1e5", "0x1", "1_000", "12:30:00",
    "2001-01-01", ".inf", "!x", "&a", "*a", "[a]", "{a", "%x", "`x", "---", "...", "|", ">", "http://x/#y", "a\nb",
    "a\n\nb\n", " a\nb", "a\n b\n", "a\n\n", "\n", "a\n  ", "a\n   \nb", "a\n#b\n---\nc", "a\r\nb", "a\tb\n\tc",
    "a\n\u3000", "k\x85z",
)  # fmt: skip
TEXT = (
    st.sampled_from([*NAUGHTY, *TRICKY])
    | st.text()
    | st.text(list("a \n:#-\t'\"\\0.\u3000|>"))
    | st.integers(0, 1100).map("k\n".__mul__)
)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUE = st.recursive(SCALAR, lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXT, part, max_size=4))


@settings(max_examples=30, deadline=None)
@given(st.lists(VALUE) | st.dictionaries(TEXT, VALUE))
def test_any_value_reads_back_as_the_same(value: Any) -> None:
    assert_same(value)


@pytest.mark.parametrize("value", [TRICKY, NAUGHTY, (1, True, 1.0, 0, False, 0.0, -0.0), ("1", "true", "1.0", "null")])
def test_what_looks_alike_is_told_apart(value: tuple[Any, ...]) -> None:
    assert_same([*value, {str(item): [[item], {"": item}] for item in value}])


def assert_same(value: Any) -> None:
    value = clean_deep(value)
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        # Compared as JSON too, which tells 1 from 1.0 and from true.
        found = yaml.load(block(value), loader)
        assert found == value
        assert json.dumps(found) == json.dumps(value)


def test_a_text_of_several_lines_stays_readable() -> None:
    assert block({"text": "One line.\n\n  Another.\n", "list": [{"a": 1, "b": []}, "x"]}) == (
        "text: |\n  One line.\n\n    Another.\nlist:\n- a: 1\n  b: []\n- x\n"
    )
