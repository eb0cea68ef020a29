import random

from scanner.engine.speedups.line_preparation import prepare_text_line, strip_known_markup_from_text

from .stock import stock
from .texts import sample

PIECES = [
    "\\\\ co", " co", "(co ", "\\ co", " #s ", " %d ", "rem ", "@rem ", "dnl ", ".\"", "/*", "*/", "*", "#", "%",
    ";", "\\", "/", " ", "  ", "\t", "\r", "\n", "\x1f", "copy", "", "(c)", "( C)", "(C)", "( © )", "(©)", "(© )",
    "( ©)", "\xa9", "\xa9", "&copy;", "&copy", "&#169;", "&#xa9;", "u00A9", "u00a9", "\\XA9", "\\A9", "\\a9", "<A9>",
    "XA9;", "xa9;", "\xc2", "\\xc2", "\\x", "c2", "–", "&#13;", "&ensp;", "&emsp;", "&thinsp;", "&quot;", "&#34;",
    "&amp;", "&gt;", "&gt", "&lt;", "&lt", "`", "\"", " u'", "'", "§", "<http", "<https://a.b>", "<insert ", "year>",
    "<year>", "<name>", "\\t", "\\n", "\\0", "(\"", "')", "],", "[?]", "?", "</s>", "<s>", "<s/>", "<", ">", "s",
    "<a href=\"x\">", "</a>", "<b>", "< / b>", "href=", "HREF=x", "Href=", "class=", "width=", "@end", "@group",
    "mailto:", "MAILTO:", "xmlns=", "xmlns:x", "xml:", "lang=", "<Windows", "http://www.w3.org/2000/svg",
    "copyright", "author", "Copyright", "\"Copyright", "legal", "[", "]", "{", "}", ",", " , ", "é", "ß", "ﬁ", "中",
    "\u2028", "\x85", "\x00", "2004", "Foo Bar", "reserved", "by", "|", "|copy|",
]  # fmt: skip


def stock_copyrights():
    return stock("cluecode.copyrights", "textcode.markup")


def test_lines_of_real_texts_are_prepared_as_by_stock():
    lines = {line for text in sample(80, seed=21) for line in text.splitlines(True)}
    for line in random.Random(1).sample(sorted(lines), min(2500, len(lines))):
        assert prepare_text_line(line) == stock_copyrights().prepare_text_line(line), repr(line)


def test_all_that_is_replaced_is_replaced_as_by_stock_in_any_neighbourhood():
    chance = random.Random(2)
    for _ in range(6000):
        line = "".join(chance.choices(PIECES, k=chance.randrange(1, 9)))

        assert prepare_text_line(line) == stock_copyrights().prepare_text_line(line), repr(line)


def test_markup_is_stripped_as_by_stock():
    chance = random.Random(3)
    tags = sorted(stock("textcode.markup").ALL_TAGS)
    for _ in range(3000):
        text = "".join(chance.choices(tags, k=3)) if chance.random() < 0.3 else "".join(chance.choices(PIECES, k=6))

        assert strip_known_markup_from_text(text) == stock("textcode.markup").strip_known_markup_from_text(text)


def test_a_long_run_of_spaces_in_a_tag_takes_no_time_to_speak_of():
    assert strip_known_markup_from_text("<" + " " * 200_000 + "=") == "< ="
