"""Credentials: read from a setting, for one origin each, and never in a sentence."""

from __future__ import annotations

import base64

import pytest

from scanner.access import Access, read_credentials


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "credentials"),
    [
        ("", {}),
        ("https://user:pass@mirror.example.org", {"https://mirror.example.org": basic("user:pass")}),
        ("https://u:p@Mirror.Example.org:443/", {"https://mirror.example.org": basic("u:p")}),
        ("http://u:p@10.0.0.5:8081", {"http://10.0.0.5:8081": basic("u:p")}),
        ("https://u:p@[2001:db8::1]:8443", {"https://[2001:db8::1]:8443": basic("u:p")}),
        ("https://u%40x:p%3A%2F@h.example", {"https://h.example": basic("u@x:p:/")}),
        ("https://ghp_token@h.example", {"https://h.example": "Bearer ghp_token"}),
        (
            "https://a:b@h.example\n  https://c:d@i.example",
            {"https://h.example": basic("a:b"), "https://i.example": basic("c:d")},
        ),
    ],
)
def test_it_reads(text, credentials):
    assert read_credentials(text) == credentials


@pytest.mark.parametrize(
    "entry",
    [
        "hunter2",
        "https://mirror.example.org",
        "ftp://u:hunter2@h",
        "https://u:hunter2@h/path",
        "https://u:hunter2@h:x",
        "https://u:hunter2@",
        "https://u:hunter2@[::1",
    ],
)
def test_it_names_the_entry_that_is_wrong_without_its_secret(entry):
    with pytest.raises(ValueError, match="entry 2 is not of the form") as caught:
        read_credentials(f"https://a:b@h.example {entry}")
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_printed():
    assert "secret" not in repr(Access(credentials={"https://h.example": "Bearer secret"}))
