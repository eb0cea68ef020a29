import random
import re

import pytest
from cluecode.copyrights import PATTERNS

from scanner.engine.speedups.automata import Automaton, NotKnown, slow_from

from .texts import sample

EXPRESSIONS = [re.compile(pattern) for pattern in sorted({pattern for pattern, _ in PATTERNS})]
PIECES = (
    *("1999", "2004", "2004-05", "-", ",", "99", "x", "i", "a", "A", "Foo", ".", "@", "at", "com", "<", ">", "(", ")"),
    *('"', "'", "http://", "/", "\\&nbsp", "é", "É", "_", "0x", "\u212a", "dot", "Copyright", "&", "ſ", "present"),
)


def words(count):
    chance = random.Random(7)
    real = sorted({word for text in sample(40, seed=91) for word in text.split()})
    made = ("".join(chance.choices(PIECES, k=chance.randrange(7))) for _ in range(count))
    return [*chance.sample(real, count), *made]


@pytest.mark.parametrize("part", range(4))
def test_it_matches_what_python_matches(part):
    chance = random.Random(part)
    given = words(400)
    for expression in EXPRESSIONS[part::4]:
        automaton = Automaton(expression)
        for word in given if slow_from(expression) else chance.sample(given, 60):
            assert automaton.matches(word) == bool(expression.match(word)), (expression.pattern, word)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "a",
        "^a$",
        "a|b|",
        "(?:ab)*c",
        "a{2,4}b?$",
        "a{3}",
        "[^a-c]+$",
        "(?i:É|k)+$",
        "(a*)*$",
        "a*?b",
        r"\w+\s\d$",
        ".",
    ],
)
def test_any_simple_expression_will_do(pattern):
    expression = re.compile(pattern)
    chance = random.Random(3)
    for _ in range(300):
        word = "".join(chance.choices("abcké \u212a1", k=chance.randrange(6)))

        assert Automaton(expression).matches(word) == bool(expression.match(word)), word


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)b", "(?<!a)b", r"\ba", "a{60}"])
def test_others_are_refused(pattern):
    with pytest.raises(NotKnown):
        Automaton(re.compile(pattern))


def test_repetitions_decide_from_where_an_expression_is_slow():
    found = [
        slow_from(re.compile(pattern)) for pattern in ("abc", "a*b", "a*b+", "a*b*c*", "(a+)+", "(a|b*)*", ".*.*.*.*.*")
    ]

    assert found == [None, None, 1000, 100, 20, 20, 40]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("first", "piece", "last"),
    [("", "1999-", "x"), ("", "1999", "x"), ("", "aaaa", "!"), ("<", "at", ""), ("", "99999", "")],
)
def test_a_long_word_is_matched_as_a_short_one_in_no_time_to_speak_of(first, piece, last):
    short, long = (first + piece * times + last for times in (6, 20_000))
    slow = [expression for expression in EXPRESSIONS if slow_from(expression)]

    for expression in slow:
        assert bool(Automaton(expression).matches(long)) == bool(expression.match(short)), expression.pattern
    assert slow
