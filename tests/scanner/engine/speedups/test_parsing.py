import random
from itertools import product

import pytest
from cluecode.copyrights import GRAMMAR, PATTERNS
from pygmars import Token
from pygmars.parse import Parser
from pygmars.tree import Tree

from scanner.engine.speedups import parsing

from .stock import stock

LABELS = sorted({label for _, label in PATTERNS} | {"EMPTY-LINE"})
FREQUENT = ["COPY", "COPY", "YR", "NNP", "NNP", "NN", "CC", "NAME", "COMP", "OF", "EMAIL", "AUTH", "BY", "URL"]


@pytest.fixture(scope="module")
def parsers():
    """The copyright parser, stock's and the same rules for the replacement."""
    return stock("pygmars.parse").Parser(GRAMMAR), Parser(GRAMMAR)


def described(tree):
    """Return labels, nesting and the very tokens of a tree."""
    return (
        type(tree),
        tree.label,
        [described(node) if isinstance(node, Tree) else (node.label, node.value) for node in tree],
    )


def assert_same(parsers, labels):
    tokens = [Token(str(place)) for place in range(len(labels))]
    for token, label in zip(tokens, labels, strict=True):
        token.label = label
    stock_parser, parser = parsers

    found = described(parsing.parse(parser, tokens))

    assert found == described(stock_parser.parse(list(tokens)))
    assert found == described(parsing.parse(parser, tokens))  # As remembered.


def test_any_sequence_of_labels_gives_stocks_tree(parsers):
    chance = random.Random(4)
    for _ in range(250):
        labels = chance.choice([LABELS, FREQUENT, LABELS + FREQUENT * 8])
        assert_same(parsers, chance.choices(labels, k=chance.choice([1, 2, 5, 12, 40])))


def test_what_a_rule_describes_gives_stocks_tree(parsers):
    chance = random.Random(9)
    for rule in parsers[1].rules:
        labels = []
        for inner, quantifier in parsing._element.findall(rule.pattern.replace(" ", "")):
            labels += [chance.choice(inner.replace("*", "").split("|"))] * (chance.randrange(3) if quantifier else 1)
        assert_same(parsers, [*chance.choices(FREQUENT, k=2), *labels, *chance.choices(FREQUENT, k=2)])


def test_labels_that_stock_takes_apart_are_left_to_stock(parsers):
    assert_same(parsers, ["COPY", "<at>", "YR", "NNP", "NNP"])
    assert_same(parsers, ["NNP", "A}B", "NNP", "NNP"])
    assert_same(parsers, ["COPY", "BY", "NN", "NN", "AUTHDOT"])  # Grouped under the odd label "<COPYRIGHT>".


def test_labels_that_no_rule_names_are_kept(parsers):
    assert_same(parsers, ["COPY", "NEVER-SEEN", "YR", "NNP", None, "NNP", "NNN"])


def test_a_label_that_a_wildcard_matches_is_learned(parsers):
    assert_same(parsers, ["NNP", "VAN", "NNNN", "NNP"])
    assert_same(parsers, ["COPY", "NAMEEEE", "EMAIL"])


def test_nothing_to_parse_is_refused_as_stock_does(parsers):
    with pytest.raises(Exception, match="Cannot parse empty tree"):
        parsing.parse(parsers[1], [])


def test_other_grammars_are_parsed_as_well():
    for grammar in ("A: {<x>}\nB: {<A> <y>?}", "A: {(<x>|<y>)+}", "A: {<.*>}", "A: {<x>?}"):
        pair = stock("pygmars.parse").Parser(grammar), Parser(grammar)
        for labels in (["x", "y"], ["y", "x", "x"], ["z"]):
            assert_same(pair, labels)


@pytest.mark.parametrize(
    "rule",
    ["<x>(<y>(<z>)?)+", "(<x>?)<y>", "(<x>)*<y>", "(<x><y>?)+", "<x>(<y><z>)?", "((<x>)*<y>)+", "<x>((<y>)+<z>)*"],
)
def test_groups_may_be_missing_where_stock_lets_them(rule):
    pair = stock("pygmars.parse").Parser(f"A: {{{rule}}}"), Parser(f"A: {{{rule}}}")
    for length in range(1, 6):
        for labels in product("xyz", repeat=length):
            assert_same(pair, labels)


def test_a_rule_is_left_out_where_what_its_group_needs_is_missing():
    """Trying it is quadratic: a line of nothing but "copyright" would keep it busy at each word up to the end."""
    coded = parsing.ShapeParser(Parser("A: {<x>+(<y>+<z>?)+}\nB: {<x>+(<y>)*<w>?}").rules)

    assert [rule.label for rule in coded._selection(coded.encode(["x", "x"]))] == ["B"]
    assert [rule.label for rule in coded._selection(coded.encode(["x", "y"]))] == ["A", "B"]


def test_parsers_of_equal_rules_share_what_is_known_of_labels():
    first, second, other = (Parser(grammar, loop=1) for grammar in (GRAMMAR, GRAMMAR, "X: {<A><B>}"))

    assert parsing._shape_parser(first) is parsing._shape_parser(second) is not parsing._shape_parser(other)
