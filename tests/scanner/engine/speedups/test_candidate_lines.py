import random

from cluecode.copyrights_hint import statement_markers

from scanner.engine.speedups.candidate_lines import collect_candidate_lines, is_gibberish

from .stock import stock
from .test_line_preparation import PIECES
from .texts import sample

CLUES = [
    *statement_markers,
    "All Rights Reserved.", "r-ight res.erved", "right reserved", "ht.tp", "http", "by", "by\t", "by*", "byu00a9",
    "byyear>", "bymailto:", "by<b>", " 1999 ", ",2004", "(2011)", "-1960-", "1959", "19996", "&amp;copy", "and",
    "( C)", "s&gt;", "<s&gt;", "cop<s>yright", "co&lt;s&gt;pyright", "au\\xc2th", "auÂth", "ａｕｔｈ", "Ⓒ",
    "&amp;lt;s&#62;", "copyright", "BY", "KOPYL", "DEVEL", "", "", "", "...", "foo", "bar baz", "the", "zxqj",
]  # fmt: skip


def assert_same(lines):
    numbered = list(enumerate(lines, 1))

    found = list(collect_candidate_lines(iter(numbered)))

    assert found == list(stock("cluecode.copyrights", "textcode.markup").collect_candidate_lines(iter(numbered)))


def test_real_texts_have_stocks_candidates():
    for text in sample(60, seed=31):
        assert_same(text[:20_000].splitlines(True))


def test_every_clue_is_found_in_any_neighbourhood():
    chance = random.Random(8)
    for _ in range(500):
        lines = ["".join(chance.choices(CLUES + PIECES, k=chance.randrange(4))) for _ in range(chance.randrange(12))]
        assert_same(lines)


def test_a_line_with_line_ends_inside_is_one_line():
    assert_same(["h\nttp", "x", "all rights\nreserved", "r\nights reserved", "copy\nright 2004 x", "", "\n", "y"])


def test_gibberish_is_what_stock_says():
    chance = random.Random(7)
    detector = stock("textcode.gibberish").Gibberish()
    texts = [line for text in sample(20, seed=32) for line in text.encode("ascii", "replace").decode().splitlines()]
    texts = chance.sample(texts, min(600, len(texts)))
    texts += ["".join(chance.choices("aeiourstzxqj 3-", k=chance.randrange(30))) for _ in range(600)]

    assert [is_gibberish(text) for text in texts] == [detector.detect_gibberish(text) for text in texts]
    assert {is_gibberish(text) for text in texts} == {True, False}
