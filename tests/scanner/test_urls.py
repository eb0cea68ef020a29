"""Addresses and names: one canonical form, and names that are only ever names."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import urls
from scanner.errors import SourceRefused


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("HTTP://Example.ORG:80", "http://example.org/"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:443/a", "http://example.org:443/a"),
        ("example.org/a b?c d", "https://example.org/a%20b?c%20d"),
        ("http://example.org/ä%zz%20", "http://example.org/%C3%A4%25zz%20"),
        ("http://bücher.example./", "http://xn--bcher-kva.example/"),
        ("http://[2001:DB8::0:1]:8080/", "http://[2001:db8::1]:8080/"),
    ],
)
def test_it_has_one_form(text, canonical):
    assert urls.canonical(text) == canonical


@given(st.text(max_size=100))
def test_the_canonical_form_stays_as_it_is(text):
    try:
        first = urls.canonical("http://example.org/" + text)
    except SourceRefused:
        return

    assert urls.canonical(first) == first
    assert first.partition("#")[0].isascii()
    assert urlsplit(first).hostname == "example.org"


@given(st.text(max_size=400))
def test_a_safe_name_is_one_plain_name(name):
    safe = urls.safe_name(name)

    assert safe
    assert "/" not in safe
    assert "\\" not in safe
    assert safe[0] not in ".-"
    assert len(safe.encode()) <= urls.MAX_NAME
    assert not any(unicodedata.category(character)[0] == "C" for character in safe)
    assert urls.safe_name(safe) == safe


@given(st.text(max_size=200))
def test_a_disposition_never_raises(header):
    assert "/" not in urls.disposition_name(header)
