from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp import filters


def test_a_size_that_is_not_known_is_a_dash() -> None:
    assert filters.size(None) == "–"
    assert filters.size(4_000_000_000) == "4 GB"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (-1, "0.0 s"), (0.04, "0.0 s"), (1.44, "1.4 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min"),
     (125, "2 min 5 s"), (3600, "1 h"), (7500, "2 h 5 min")],
)  # fmt: skip
def test_measured_times_are_exact(value: float | None, text: str) -> None:
    assert filters.duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "a few seconds"), (4.9, "a few seconds"), (5, "about 5 seconds"), (41, "about 45 seconds"),
     (56, "about a minute"), (170, "about 3 minutes"), (5300, "about 88 minutes"), (6000, "about 2 hours")],
)  # fmt: skip
def test_guessed_times_are_rough(value: float | None, text: str) -> None:
    assert filters.estimate(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "no files"), (0, "no files"), (1, "1 file"), (2, "2 files"), (1200, "1,200 files")]
)
def test_things_are_counted_in_words(value: int | None, text: str) -> None:
    assert filters.counted(value, "file") == text


@pytest.mark.parametrize(
    ("passed", "text"), [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (3600, "1 h ago"), (90000, "1 day ago")]
)
def test_moments_are_told_from_now(passed: int, text: str) -> None:
    assert f">{text}<" in filters.ago(datetime.now(UTC) - timedelta(seconds=passed))


def test_a_moment_names_its_zone() -> None:
    assert filters.moment(datetime(2026, 11, 2, 9, 5, tzinfo=UTC)) == (
        '<time datetime="2026-11-02T09:05:00+00:00">2 Nov 2026, 09:05 UTC</time>'
    )


@pytest.mark.parametrize(
    ("address", "text"),
    [("marianne@example.org", "m••@example.org"), ("a@b.c", "a••@b.c"), ('"x@y"@example.org', '"••@example.org'),
     ("", ""), (None, ""), ("nobody", "")],
)  # fmt: skip
def test_an_address_is_half_hidden(address: str | None, text: str) -> None:
    assert filters.half_hidden(address) == text


@pytest.mark.parametrize(
    "character", ["\x00", "\n", "\x1b", "\x7f", "\u200b", "\u200f", "\u202e", "\u2066", "\ufeff", "\udcff"]
)
def test_characters_that_hide_a_name_are_shown(character: str) -> None:
    shown = filters.visible(f"a{character}b")

    assert shown == f"a⟨U+{ord(character):04X}⟩b"
    assert shown.encode()


@pytest.mark.parametrize("text", ["plain.py", "مرحبا.py", "名前.txt", "naïve.c", "🙂", "a b"])
def test_honest_names_are_left_alone(text: str) -> None:
    assert filters.visible(text) == text


def test_a_text_keeps_its_lines() -> None:
    assert filters.visible_lines("a\r\n\tb\x1b[0m") == "a\n\tb⟨U+001B⟩[0m"


def test_a_path_is_text_that_breaks_at_its_slashes() -> None:
    assert filters.path("a/<b>&/c") == '<bdi class="path">a/<wbr>&lt;b&gt;&amp;/<wbr>c</bdi>'


@pytest.mark.parametrize("url", ["http://example.org", "https://example.org/a?b#c"])
def test_pages_link_to_the_web(url: str) -> None:
    assert filters.web_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https:",
        "http://[::1",
        "JaVaScript://x",
        "https://a\u202eb",
    ],
)
def test_pages_link_to_nothing_else(url: str | None) -> None:
    assert filters.web_link(url) is None


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [(0, 10, 0), (5, 10, 50), (999, 1000, 99), (10, 10, 100), (11, 10, 100), (1, None, 0), (None, 5, 0)],
)
def test_a_hundred_per_cent_means_all(part: int | None, whole: int | None, percent: int) -> None:
    assert filters.percentage(part, whole) == percent


def test_every_category_of_the_reports_is_known() -> None:
    from reports.words import CATEGORIES

    slugs = {filters.category(name).slug for name in CATEGORIES}

    assert len(slugs) == len(CATEGORIES)
    assert [c.name for c in filters.CATEGORIES.values()] == [name for name in CATEGORIES if name != "Unknown"]


def test_every_category_has_a_colour_and_a_shape() -> None:
    style = (filters.STATIC / "report.css").read_text()

    for slug in [category.slug for category in filters.CATEGORIES.values()] + ["unknown"]:
        assert f".category-{slug} {{ --colour: var(--{slug}); --shape:" in style
        assert style.count(f"--{slug}: #") == 2  # once for light, once for dark


@pytest.mark.parametrize("name", [None, "", "Something New"])
def test_an_unheard_of_category_is_shown_as_unknown(name: str | None) -> None:
    assert filters.category(name).slug == "unknown"
    assert filters.category(name).name == (name or "Unknown")
