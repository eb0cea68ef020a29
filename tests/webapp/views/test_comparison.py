from __future__ import annotations

import pytest

from reports.details import to_match, to_rule
from tests.webapp.builders import a_match, a_rule
from webapp.views.comparison import MOST_WORDS, Comparison, compare


def compared(found: str, rule: str) -> Comparison:
    lines = found.split("\n")
    return compare(lines, to_match(a_match(start_line=1, end_line=len(lines))), to_rule(a_rule(text=rule)))


def marked(comparison: Comparison) -> tuple[str, str]:
    """Return both texts with what differs in brackets."""
    texts = comparison.found, comparison.rule
    found, rule = ("".join(f"[{p.text}]" if p.differs else p.text for p in pieces) for pieces in texts)
    return found, rule


@pytest.mark.parametrize(
    ("found", "rule", "both"),
    [
        ("under the MIT text", "under the Apache text", ("under the [MIT] text", "under the [Apache] text")),
        ("a b c", "a c", ("a [b] c", "a c")),
        ("a c", "a x y c", ("a c", "a [x y] c")),
        ("", "a", ("", "[a]")),
        ("a", "", ("[a]", "")),
        ("# a,\n# b", "A b.", ("# a,\n# b", "A b.")),
        ("the MIT License", "the {{MIT License}}", ("the MIT License", "the MIT License")),
    ],
)  # fmt: skip
def test_words_that_differ_are_marked(found: str, rule: str, both: tuple[str, str]) -> None:
    assert marked(compared(found, rule)) == both


def test_case_and_punctuation_make_no_difference() -> None:
    assert compared('"AS IS", without', "as is without").same
    assert not compared("as it is", "as is").same


def test_only_the_lines_of_the_match_are_compared() -> None:
    match = to_match(a_match(start_line=2, end_line=3))

    comparison = compare(["before", "under", "MIT", "after"], match, to_rule(a_rule(text="under MIT")))

    assert marked(comparison) == ("under\nMIT", "under MIT")


@pytest.mark.parametrize(("start", "end"), [(0, 0), (-3, 2), (5, 2), (900, 901)])
def test_lines_that_cannot_be_are_no_lines(start: int, end: int) -> None:
    match = to_match(a_match(start_line=start, end_line=end))

    assert compare(["only"], match, to_rule(a_rule(text="x"))).compared


def test_texts_that_are_too_long_are_shown_without_marks() -> None:
    comparison = compared("a " * (MOST_WORDS + 1), "b")

    assert marked(comparison) == ("a " * (MOST_WORDS + 1), "b")
    assert not comparison.same
