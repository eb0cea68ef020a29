import random
import re

import pytest
from cluecode.copyrights import PATTERNS
from pygmars import Token
from pygmars.lex import Lexer

from scanner.engine.speedups import lexing, word_patterns

from .stock import stock
from .texts import sample


@pytest.fixture(scope="module")
def lexers():
    """The copyright lexer, stock's and one that labels by the replacement."""
    return stock("pygmars.lex").Lexer(matchers=PATTERNS), Lexer(matchers=PATTERNS)


def labels(lexer, words, lex_tokens):
    return [(token.value, token.label) for token in lex_tokens(lexer, [Token(word) for word in words])]


def assert_same(lexers, words):
    stock_lexer, lexer = lexers
    found = labels(lexer, words, lexing.lex_tokens)

    assert found == labels(stock_lexer, words, type(stock_lexer).lex_tokens)
    assert found == labels(lexer, words, lexing.lex_tokens)  # As remembered.


def some_words(count):
    words = sorted({word for text in sample(60, seed=11) for word in re.split(r"[\t =;]+", text) if word})
    return random.Random(5).sample(words, count)


def test_words_of_real_texts_have_stocks_labels(lexers):
    assert_same(lexers, some_words(2500))


def test_words_that_patterns_stand_for_have_stocks_labels_bent_and_unbent(lexers):
    chance = random.Random(6)
    fixed = sorted({word for pattern, _ in PATTERNS for word in word_patterns.fixed_words(pattern) or ()})
    words = chance.sample(fixed, 400)
    words += [word + chance.choice(".,:;)'\n\x85éA1") for word in words] + [word.swapcase() for word in words]
    words += [chance.choice("(<@.-_é1a") + word for word in words[:400]]

    assert_same(lexers, words)


def test_any_first_character_leads_to_stocks_label(lexers):
    characters = [chr(code) for code in [*range(0x250), 0x2028, 0x212A, 0x4E00, 0xFF21, 0x1D7D8]]

    assert_same(lexers, [character + rest for character in characters for rest in ("", "oo", "2004,")])


def test_every_pattern_can_begin_only_as_said():
    words = some_words(1500)
    for pattern, _ in PATTERNS:
        first = word_patterns.first_characters(pattern)
        match = re.compile(pattern).match

        assert not [word for word in words if match(word) and not {word[0], word_patterns.OTHER} & first]


def test_a_word_that_nothing_matches_keeps_its_label():
    lexer = Lexer(matchers=[("^a", "A")])

    assert [token.label for token in lexing.lex_tokens(lexer, [Token("b", label="B"), Token("ab")])] == ["B", "A"]


def test_the_first_of_two_matching_patterns_wins():
    for patterns in ([("^ab$", "X"), ("a.", "Y")], [("a.", "Y"), ("^ab$", "X")], [(str.isalpha, "Z"), ("^ab$", "X")]):
        lexer = Lexer(matchers=patterns)

        assert labels(lexer, ["ab"], lexing.lex_tokens) == labels(lexer, ["ab"], stock("pygmars.lex").Lexer.lex_tokens)


def test_a_long_run_of_parens_takes_no_time_to_speak_of(lexers):
    words = ["(" * 100_000, "(" * 50_000 + ")" * 50_000, ")(" * 3 + "x"]

    assert labels(lexers[1], words[:2], lexing.lex_tokens)
    assert_same(lexers, [words[2], "(" * 20 + ")" * 20, "((()(x)", "(a)b(", "(a)b()c"])


def test_every_pattern_can_end_only_as_said():
    words = [word for word in some_words(1500) if "\n" not in word]  # Those are left to stock.
    for pattern, _ in PATTERNS:
        last = word_patterns.last_characters(pattern)
        match = re.compile(pattern).match

        assert not [word for word in words if match(word) and not {word[-1], word_patterns.OTHER} & last]


def test_every_match_has_what_is_required():
    words = [word for word in some_words(1500) if "\n" not in word]
    matches = 0
    for pattern, _ in PATTERNS:
        required, (least, most) = word_patterns.required_characters(pattern), word_patterns.lengths(pattern)
        for word in filter(re.compile(pattern).match, words):
            matches += 1
            characters = {character if character in word_patterns.ASCII else word_patterns.OTHER for character in word}
            assert all(characters & each for each in required), (pattern, word)
            assert least <= len(word) <= most, (pattern, word)
    assert matches > 1000


@pytest.mark.parametrize(
    ("pattern", "required", "least", "most"),
    [
        ("^ab?c$", ["a", "c"], 2, 3),
        ("^(a|bc)+d*$", ["ab"], 1, None),
        ("^(a|x[bc]y)$", ["ax"], 1, 3),
        ("^(a|)b", ["b"], 1, None),
        ("^a?$", [], 0, 1),
        ("(?i)a", [], 1, None),
        ("^(?!x).é{2}$", ["\x80"], 3, 3),
        (r"^\w[()]", ["()"], 2, None),
        ("^[^a]", [], 1, None),
    ],
)
def test_what_a_match_requires_is_known(pattern, required, least, most):
    assert set(word_patterns.required_characters(pattern)) == set(map(frozenset, required))
    assert word_patterns.lengths(pattern)[0] == least
    assert most is None or word_patterns.lengths(pattern)[1] == most


@pytest.mark.parametrize(
    ("pattern", "first", "last"),
    [
        ("^ab?c$", "a", "c"),
        ("^a?b+$", "ab", "b"),
        ("^(a|bc)(d|e)?$", "ab", "acde"),
        ("(?i:k)$", "kK\x80", "kK\x80"),
        ("^[a-c]x*$", "abc", "abcx"),
        ("[é-í]z$", "\x80", "z"),
    ],
)
def test_the_ends_of_matches_are_known(pattern, first, last):
    assert (word_patterns.first_characters(pattern), word_patterns.last_characters(pattern)) == (
        frozenset(first),
        frozenset(last),
    )


def test_a_pattern_that_does_not_say_how_it_ends_may_end_anyhow():
    for pattern in ("ab", "^ab*", "^.$", "^a*$", "(?i)ab$", "^(?!x)a$"):
        assert {word_patterns.first_characters(pattern), word_patterns.last_characters(pattern)} & {
            word_patterns.ANYTHING
        }


def test_lexers_of_equal_matchers_share_what_is_known_of_words():
    first, second = Lexer(matchers=PATTERNS), Lexer(matchers=PATTERNS)
    other = Lexer(matchers=PATTERNS[:-1])
    for lexer in (first, second, other):
        list(lexing.lex_tokens(lexer, [Token("Ada", start_line=1, pos=0)]))

    assert lexing._labellers[first] is lexing._labellers[second] is not lexing._labellers[other]


def test_lexers_that_differ_in_a_label_or_a_method_share_nothing():
    expression = re.compile("ab")
    found = [
        labels(Lexer(matchers=[(matcher, label)]), ["abc"], lexing.lex_tokens)
        for matcher, label in ((expression.match, "X"), (expression.match, "Y"), (expression.fullmatch, "X"))
    ]

    assert [[label for _, label in words] for words in found] == [["X"], ["Y"], [None]]
