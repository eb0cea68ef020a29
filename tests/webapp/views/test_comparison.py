from __future__ import annotations

import re
import time

import pytest

from reports.details import to_rule
from tests.webapp.builders import a_rule
from webapp.views.comparison import MOST_CHARACTERS, MOST_WORDS, WINDOW, Comparison, compare


def compared(found: str, rule: str) -> Comparison:
    return compare(found.split("\n"), to_rule(a_rule(text=rule)))


def marked(comparison: Comparison) -> tuple[str, str]:
    """Return both texts with what differs in brackets, and what is around the match in parentheses."""
    texts = comparison.found, comparison.rule
    found, rule = ("".join(f"[{p.text}]" if p.differs else p.text for p in pieces) for pieces in texts)
    before, after = (f"({text})" if text else "" for text in (comparison.before, comparison.after))
    return f"{before}{found}{after}", rule


@pytest.mark.parametrize(
    ("found", "rule", "both"),
    [
        ("under the MIT text", "under the Apache text", ("under the [MIT] text", "under the [Apache] text")),
        ("a b c", "a c", ("a [b] c", "a c")),
        ("a c", "a x y c", ("a c", "a [x y] c")),
        ("", "a", ("", "[a]")),
        ("a", "", ("[a]", "")),
        ("# a,\n# b", "A b.", ("(# )a,\n# b", "A b.")),
        ("x under y MIT z", "under MIT", ("(x )under [y] MIT( z)", "under MIT")),
        ("the MIT License", "the {{MIT License}}", ("the MIT License", "the MIT License")),
    ],
)  # fmt: skip
def test_words_that_differ_are_marked(found: str, rule: str, both: tuple[str, str]) -> None:
    assert marked(compared(found, rule)) == both


def test_case_and_punctuation_make_no_difference() -> None:
    assert compared('"AS IS", without', "as is without").same
    assert not compared("as it is", "as is").same


def test_texts_that_are_too_long_are_shown_without_marks() -> None:
    comparison = compared("a " * (MOST_WORDS + 1), "b")

    assert marked(comparison) == ("a " * (MOST_WORDS + 1), "b")
    assert not comparison.same


def test_of_a_line_without_end_the_stretch_nearest_to_the_rule_is_shown() -> None:
    code = "var a=1;" * MOST_CHARACTERS

    found, rule = marked(compared(f"{code}/* under the MIT license */{code}", "under the MIT licence"))

    assert found.startswith("(… ")
    assert ")under the MIT( license */" in found
    assert rule == "under the MIT [licence]"
    assert len(found) < 1_000
    assert found.endswith(" …)")


def test_a_word_without_end_is_cut() -> None:
    assert len("".join(marked(compared("A" * MOST_CHARACTERS * 2, "under MIT")))) < 1_000


@pytest.mark.parametrize("length", [WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW])
def test_long_texts_are_compared_to_their_end(length: int) -> None:
    rule = [f"word{number % 700}" for number in range(length)]
    text = [*rule[: length // 2], "inserted", *rule[length // 2 : -3], "replaced", *rule[-2:]]

    found, expected = marked(compared(" ".join(text), " ".join(rule)))

    assert re.findall(r"\[(.*?)\]", found) == ["inserted", "replaced"]
    assert re.findall(r"\[(.*?)\]", expected) == [rule[-3]]


def test_a_rule_whose_beginning_is_missing_is_found_further_on() -> None:
    rule = [f"word{number}" for number in range(4 * WINDOW)]

    found, expected = marked(compared(" ".join(rule[3 * WINDOW - 50 :]), " ".join(rule)))

    assert "[" not in found
    assert expected.startswith("[word0 ")


def test_texts_that_have_nothing_in_common_differ_whole() -> None:
    found, rule = marked(compared("a " * WINDOW * 3 + "a", "b " * WINDOW * 2 + "b"))

    assert (found.count("["), rule.count("[")) == (1, 1)


def test_texts_made_to_annoy_take_no_time() -> None:
    rule = [f"word{number % 50}" for number in range(MOST_WORDS)]
    text = [word if number % 2 else "x" for number, word in enumerate(rule)]
    started = time.process_time()

    compared(" ".join(text), " ".join(rule))

    assert time.process_time() - started < 5
