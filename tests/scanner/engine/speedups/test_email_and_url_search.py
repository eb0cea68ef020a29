import random
import re

import pytest
from cluecode import finder

from scanner.engine.speedups import email_and_url_search
from scanner.engine.speedups.email_and_url_search import emails_in, find, urls_in

from .stock import stock
from .texts import sample

PIECES = "a|B|1|@|@|.|.com|.org|-|_|%| |'|/|:|ſ|\u212a|İ|ı|é|http://|HTTPS://|www.|WWW.|ftp.|git@|.git|://|\n|<|(c)|x@y.com|中"
EMAILS, URLS = finder.emails_regex(), finder.urls_regex()


def lines_of(count, seed):
    chance = random.Random(seed)
    for _ in range(count):
        yield "".join(chance.choices(PIECES.split("|"), k=chance.randrange(40)))


def assert_same(lines):
    for pattern in (EMAILS, URLS, re.compile("a")):
        patterns = [("key", pattern)]

        assert list(find(lines, patterns)) == list(stock("cluecode.finder").find(lines, patterns))


def test_real_texts_have_stocks_emails_and_urls():
    for text in sample(60, seed=71):
        assert_same(text.splitlines(True))


def test_lines_of_all_kinds_have_stocks_emails_and_urls():
    assert_same(list(lines_of(4000, seed=1)))


def test_emails_are_found_in_long_lines_as_in_short_ones(monkeypatch):
    for line in lines_of(8000, seed=2):
        assert emails_in(line) == EMAILS.findall(line), repr(line)
    monkeypatch.setattr(email_and_url_search, "LONG_LINE", 3)
    assert_same(list(lines_of(500, seed=3)))


def test_the_characters_of_an_email_are_those_of_its_expression():
    matches = re.compile("[A-Z0-9._%-]", re.IGNORECASE).match

    assert {character for character in map(chr, range(0x110000)) if matches(character)} == (
        email_and_url_search._LOCAL_CHARACTERS
    )


def test_several_expressions_at_once_are_left_to_stock():
    lines = ["see http://a.com or b@c.org"]

    assert list(find(lines, [(1, EMAILS), (2, URLS)])) == list(finder.find(lines, [(1, EMAILS), (2, URLS)]))


@pytest.mark.parametrize(
    "line", ["a." * 200_000 + " x@y.com", "a@" * 200_000, "x" * 300_000 + "@", "a@" + "b." * 200_000]
)
def test_a_long_line_takes_no_time_to_speak_of(line):
    found = [match for _, match, _, _ in find([line], [("key", EMAILS)])]

    assert found == (["x@y.com"] if " " in line else [])


def test_urls_are_found_in_long_lines_as_in_short_ones():
    pieces = [*PIECES.split("|"), "git@a:b.git", "git@", ":", ":", ".git", ".GIT", "g\u0131t@", "a", "www."]
    chance = random.Random(4)
    for _ in range(10_000):
        line = "".join(chance.choices(pieces, k=chance.randrange(20)))

        assert urls_in(line) == URLS.findall(line), repr(line)


@pytest.mark.parametrize(
    "line", ["git@" * 100_000, "git@" + "a:" * 200_000, "git@a:b.git" * 30_000, "http://" * 50_000 + "@"]
)
def test_a_long_line_with_addresses_of_repositories_takes_no_time_to_speak_of(line):
    assert len(urls_in(line)) <= 1
