import random
from pathlib import Path

from scanner.engine.speedups.markup_check import _decode, demarkup, demarkup_text, is_markup

from .stock import stock
from .texts import sample, source_files, write

PIECES = [
    *[
        "<a",
        "<a href='x'>",
        "</a>",
        "<b>",
        "<p >",
        "<",
        ">",
        "/>",
        "'/>",
        '"/>',
        "href",
        "HREF",
        "&lt;",
        "&copy;",
        "& ",
        ";",
    ],
    *[
        "<s>",
        "</s>",
        "<s/>",
        "<license>",
        "<copyright",
        "<author>",
        "<h1>",
        "<1a>",
        "http://a.b",
        "<inc>",
        "hello",
        " ",
        "\t",
    ],
    *["\n", "\u2028", "é", "İ", "<red hat inc>", "<www.x.y>", "@", "169", "h", "H", "'", '"', "/", "&", "&#169;"],
]


def test_lines_are_stripped_of_markup_as_by_stock():
    chance = random.Random(2)
    texts = ["".join(chance.choices(PIECES, k=chance.randrange(12))) for _ in range(4000)]
    texts += [line for text in sample(30, seed=81) for line in text.splitlines()]
    for text in texts:
        assert demarkup_text(text) == stock("textcode.markup").demarkup_text(text), repr(text)


def test_files_are_stripped_of_markup_as_by_stock(tmp_path):
    for location in write(tmp_path, sample(20, seed=82)):
        assert list(demarkup(location)) == list(stock("textcode.markup").demarkup(location))


def starts():
    for text in sample(150, seed=83):
        yield text.encode()[:1024]
    for path in random.Random(3).sample(source_files(), 150):
        yield path.read_bytes()[:1024]
    chance = random.Random(4)
    pieces = [
        b"<?xml encoding='x'?>",
        b"# coding: latin-1",
        b"<meta charset=utf-7>",
        b"~{<:Ky2~}",
        b"+ADw-",
        b"+AGE-+AGI-",
        b"<a>",
    ]
    pieces += [
        b"foo bar",
        b"\n",
        b" ",
        b"~",
        b"{",
        b"\x1b$B",
        b"\0",
        b"\x7f",
        b"\xe9",
        b"a" * 20,
        b"ENCODING",
        b"%PDF-1.4",
        b"GIF89a",
    ]
    for _ in range(300):
        yield b"".join(chance.choices(pieces, k=chance.randrange(6)))


def test_the_start_of_a_file_is_decoded_as_by_stock():
    for start in starts():
        assert _decode(start) == stock("commoncode.text").as_unicode(start), start


def test_what_is_markup_for_stock_is_markup(tmp_path):
    locations = write(tmp_path, sample(60, seed=84))
    for number, start in enumerate(starts()):
        path = Path(tmp_path, f"start{number}.txt")
        path.write_bytes(start.ljust(70))
        locations.append(str(path))
    answers = [is_markup(location) for location in locations]

    assert answers == [stock("textcode.markup").is_markup(location) for location in locations]
    assert {True, False} == set(answers)
