import os
import random

import pytest
from textcode import analysis

from scanner.engine.speedups import text_lines
from scanner.engine.speedups.text_lines import numbered_text_lines, unicode_text_lines

from .stock import stock
from .texts import sample, write

PIECES = [
    b"a",
    b"\\n",
    b"\\r",
    b"\\t",
    b"\\",
    b"n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\x0b",
    b"\x0c",
    b"\x1c",
    b"\x85",
    b"\xe9",
]
PIECES += [
    "é".encode(),
    "\u2028".encode(),
    "\x85".encode(),
    b"\xef\xbb\xbf",
    b"<b>",
    b'"',
    b",",
    b"x" * 90,
    b"\xed\xa0\x80",
]


@pytest.fixture(autouse=True)
def in_place(monkeypatch):
    for replacement in text_lines.REPLACEMENTS:
        monkeypatch.setattr(analysis, replacement.name, replacement.function)


def assert_same(location):
    for demarkup in (False, True):
        for _ in range(2):
            found = list(numbered_text_lines(location, demarkup=demarkup))

            assert found == list(stock("textcode.analysis").numbered_text_lines(location, demarkup=demarkup)), location


def test_files_have_stocks_lines(tmp_path):
    for location in write(tmp_path, sample(60, seed=61)):
        assert_same(location)


def test_bytes_of_all_kinds_have_stocks_lines(tmp_path):
    chance = random.Random(4)
    for number in range(300):
        path = tmp_path / f"{number}{chance.choice(['.txt', '.py', '.js', '.html', '.js.map', '.min.js', '.json', ''])}"
        path.write_bytes(b"".join(chance.choices(PIECES, k=chance.randrange(40))))
        for decrlf in (False, True):
            found = list(unicode_text_lines(str(path), decrlf))

            assert found == list(stock("textcode.analysis").unicode_text_lines(str(path), decrlf)), path.read_bytes()
        assert_same(str(path))


def test_a_file_is_read_once_for_all_scanners(tmp_path, monkeypatch):
    path = tmp_path / "x.txt"
    path.write_text("one\ntwo\n")
    list(numbered_text_lines(str(path)))
    monkeypatch.setattr(text_lines, "_stock_numbered_text_lines", None)

    assert list(numbered_text_lines(str(path), demarkup=True)) == [(1, "one\n"), (2, "two\n")]


def test_a_file_that_has_changed_is_read_again(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("one\n")
    list(numbered_text_lines(str(path)))
    path.write_text("two\n")
    os.utime(path, ns=(1, 1))

    assert list(numbered_text_lines(str(path))) == [(1, "two\n")]


def test_what_is_given_out_can_be_changed_without_harm(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("one\n")
    list(numbered_text_lines(str(path))).clear()

    assert list(numbered_text_lines(str(path))) == [(1, "one\n")]


def test_lines_and_nothing_are_taken_as_by_stock():
    assert list(numbered_text_lines(["a", "b"], start_line=5)) == [(5, "a"), (6, "b")]
    assert list(numbered_text_lines(None)) == []


def test_a_missing_file_is_an_error_as_in_stock(tmp_path):
    with pytest.raises(IOError, match="No such file"):
        numbered_text_lines(str(tmp_path / "missing"))
