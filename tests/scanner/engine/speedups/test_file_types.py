import ctypes
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typecode import magic2

from scanner.engine.speedups import file_types, magic_database
from scanner.engine.speedups.file_types import detect, is_plain
from scanner.engine.speedups.magic_expressions import without_bounds

from .stock import stock
from .texts import SOURCES, sample, write

LINES = [
    b"import java.util.List;",
    b"import os",
    b"from os import path",
    b"class Foo(Bar):",
    b"class Foo {",
    b"module Bar",
    b"def foo",
    b"def foo(self, a):",
    b"def __init__(self):",
    b"if __name__ == '__main__':",
    b"end",
    b"  end # of it",
    b"ending",
    b"try:",
    b"except X:",
    b"finally:",
    b"require 'set'",
    b"include Foo::Bar",
    b"#include <a.h>",
    b"#define X",
    b"#ifndef Y",
    b"#endif",
    b"struct x {",
    b"extern int y;",
    b"union z",
    b"char *s = x;",
    b"double d;",
    b"public:",
    b"template <class T>",
    b"using std;",
    b"namespace a {",
    b"package Foo::Bar;",
    b"--- a/x",
    b"+++ b/x",
    b"@@ -1 +1 @@",
    b".PP text",
    b".TH X",
    b".text",
    b"  .globl x",
    b"all:",
    b"CFLAGS = -O",
    b"SUBDIRS=x",
    b"PROC x",
    b"BEGIN {",
    b"0",
    b"SECTION",
    b"2",
    b"HEADER",
    b":Base gopher",
    b":Title x",
    b"; x",
    b"( a -- b )",
    b": foo ( a -- b ) dup ;",
    b"a\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12",
    b"==",
    b"====",
    b":Author: x",
    b".. note",
    b"\\documentclass{x}",
    b"\\section{y}",
    b"% SiSU text 1.0",
    b"(;FF[4]GM[1])",
    b"(defun x",
    b"#!/bin/sh",
    b"<?php",
    b"%PDF-1.4",
    b"Content-Type: ASCII text, with x",
    b"HP38Asc",
    b'{"a": 1}',
    b"a,b\nc,d",
    b"\x1b[0m",
    b"x" * 400,
    b"",
    b"",
    b"\xe9t\xe9",
    "été".encode(),
    b"\xef\xbb\xbfimport x;",
    b"\0",
    b"\x01",
    "import x;\n".encode("utf-16"),
    b"\r",
    b"a\r\nb\r\n",
]


@pytest.fixture
def assert_same(tmp_path):
    def check(content: bytes, name="x.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        for flags in random.Random(len(content)).sample([magic2.DETECT_TYPE, magic2.DETECT_MIME], 2):
            assert detect(str(path), flags) == stock("typecode.magic2")._detect(str(path), flags), content[:200]

    return check


def test_files_are_described_as_by_stock(tmp_path):
    locations = write(tmp_path, sample(40, seed=41))
    chance = random.Random(3)
    locations += map(str, chance.sample(sorted(SOURCES.rglob("*.py")), 20))
    locations += map(str, chance.sample(sorted(Path(sys.executable).resolve().parents[1].glob("lib/*/*.*")), 20))
    for location in filter(lambda each: Path(each).is_file(), locations):
        for flags in (magic2.DETECT_MIME, magic2.DETECT_TYPE):
            assert detect(location, flags) == stock("typecode.magic2")._detect(location, flags), location


def test_what_checks_look_for_is_found_in_any_neighbourhood(assert_same):
    chance = random.Random(5)
    for _ in range(500):
        assert_same(b"\n".join(chance.choices(LINES, k=chance.randrange(1, 7))))


def test_each_check_that_may_be_left_out_is_asked_where_its_text_is(assert_same):
    database = magic_database.parse(Path(magic2.get_magicdb_location()).read_bytes())
    for check in database.checks:
        if check.needs:
            value = magic_database._record(check.records, 0).text
            assert_same(b"x = 1\n" + check.needs + b" foo\n" + value.removeprefix(b"^") + b"\nend\n")


def test_what_stands_where_libmagic_stops_to_look_counts_or_not_as_in_stock(assert_same):
    for line in (b"import a.b;", b"def foo", b"class X", b"end", b".text", b"try:\nexcept a:", b"struct a"):
        for size in range(8192 - 2 * len(line), 8192 + 4, 3):
            assert_same(b"class X\ndef a\n" + b"y\n" * ((size - 14) // 2) + line + b" \n")


def test_a_database_is_the_sum_of_its_checks():
    compiled = Path(magic2.get_magicdb_location()).read_bytes()
    database = magic_database.parse(compiled)
    known = [check for check in database.checks if check.needs or check.exact]

    assert database.only(frozenset(known)) + database.named == _with_names_counted(database, compiled)
    assert len(known) > 2500
    assert len(database.only(frozenset())) < len(compiled) / 5


def _with_names_counted(database, compiled):
    """Return a compiled database whose header says that it has no named parts."""
    return compiled[:12] + bytes(4) + compiled[16:]


def test_checks_stay_in_their_order():
    database = magic_database.parse(Path(magic2.get_magicdb_location()).read_bytes())
    chance = random.Random(6)
    known = [check for check in database.checks if check.needs or check.exact]
    needed = frozenset(chance.sample(known, 40))

    kept = b"".join(c.records for c in database.checks if not (c.needs or c.exact) or c in needed)

    assert database.only(needed)[magic_database._RECORD_BYTES :] == kept


def test_what_is_compared_with_certain_bytes_is_asked_where_they_are(assert_same):
    database = magic_database.parse(Path(magic2.get_magicdb_location()).read_bytes())
    chance = random.Random(8)
    exact = [check.exact for check in database.checks if check.exact and not check.mask and is_plain(check.exact[1])]
    for offset, value in chance.sample(exact, 400):
        filler = chance.choice([b" ", b"a", b"a b\n", b"1,2\n"])
        start = (filler * (offset // len(filler) + 1))[:offset]
        assert_same(start + value + chance.choice([b"", b" ", b"\n", b" 1.0 text\n", value]))


@pytest.mark.parametrize("broken", [b"", b"x" * 1000, "longer", "other version"])
def test_an_unknown_database_is_left_to_stock(broken):
    compiled = Path(magic2.get_magicdb_location()).read_bytes()
    made = {"longer": compiled + b"\0", "other version": compiled[:4] + b"\x11" + compiled[5:]}

    assert magic_database.parse(made.get(broken, broken)) is None
    assert file_types.SmallDatabases(made.get(broken, broken)).needed(b"import x") is None


def test_only_what_libmagic_does_not_rewrite_is_plain():
    assert is_plain("été\n".encode())
    assert not is_plain(b"\xe9t\xe9")
    assert not is_plain("x".encode("utf-16"))
    assert not is_plain(b"\xef\xbb\xbfx")
    assert not is_plain(b"x\0")
    assert is_plain(b"x" * (file_types._READ_BYTES - 1) + b"\xc3")
    assert not is_plain(b"x" * (file_types._READ_BYTES - 3) + b"\xc3xx")


def test_a_file_that_cannot_be_read_is_an_error_as_in_stock(tmp_path):
    with pytest.raises(FileNotFoundError):
        detect(str(tmp_path / "missing"), magic2.DETECT_TYPE)

    assert detect(str(tmp_path), magic2.DETECT_TYPE) == "directory"


def test_a_file_is_asked_for_anew_when_it_has_changed(tmp_path):
    path = tmp_path / "x"
    path.write_text("hello there\n")
    before = detect(str(path), magic2.DETECT_TYPE)
    path.write_text("#!/bin/sh\necho\n")

    assert (before, detect(str(path), magic2.DETECT_TYPE)) == (
        "ASCII text",
        "POSIX shell script, ASCII text executable",
    )


def test_hostile_heads_take_no_time_to_speak_of(assert_same):
    for content in (
        b"\n" * 20_000,
        b"class " * 4000,
        b" template<" * 2000,
        b"import " + b"x" * 20_000,
        b"\t" * 20_000,
        b"(;" * 9000,
    ):
        assert_same(content)


def test_more_kinds_of_files_than_detectors_are_kept_are_described(tmp_path, monkeypatch):
    monkeypatch.setattr(file_types, "DATABASES_KEPT", 2)
    for number, line in enumerate((b"struct a", b"union b", b"import x;", b"extern int x", b"struct a")):
        path = tmp_path / str(number)
        path.write_bytes(line + b" \n")

        assert detect(str(path), magic2.DETECT_TYPE) == stock("typecode.magic2")._detect(str(path), magic2.DETECT_TYPE)


def test_it_can_be_used_after_a_fork():
    script = (
        "import os; from scanner.engine.speedups.file_types import detect;"
        "before = detect(os.__file__, 0); pid = os.fork();"
        "pid or os._exit(0 if detect(os.__file__, 0) == before else 1);"
        "assert os.waitpid(pid, 0)[1] == 0"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[4])


@pytest.mark.parametrize(
    "start", [b"Content-Type: ASCII text, with x", b"Content-Type: UTF-8 Unicode text", b"HP38Asc ", b"text"]
)
def test_a_description_that_only_looks_like_that_of_plain_text_is_not_taken_for_it(assert_same, start):
    for rest in (b"", b"\n", b"\nfoo\n", b", with very long lines\n" + b"x" * 500):
        assert_same(start + rest)


def test_of_a_number_only_the_bits_that_count_are_compared(assert_same):
    database = magic_database.parse(Path(magic2.get_magicdb_location()).read_bytes())
    chance = random.Random(9)
    tried = 0
    for check in database.checks:
        if not check.mask:
            continue
        offset, value = check.exact
        any_bits = (int.from_bytes(chance.randbytes(len(value))) & ~int.from_bytes(check.mask) for _ in range(200))
        numbers = ((bits | int.from_bytes(value)).to_bytes(len(value)) for bits in any_bits)
        plain = next(filter(is_plain, numbers), None)
        if plain is not None:
            tried += 1
            assert_same((b"a b\n" * (offset // 4 + 1))[:offset] + plain + b" 1.0 text\n")
    assert tried > 5


@pytest.mark.parametrize("more", [-1, 0, 1, 2, 40])
def test_repetitions_near_their_bounds_count_as_in_stock(assert_same, more):
    for line in (
        b"def f" + b"(" + b"a, " * 84 + b"a" * (3 + more) + b"):",
        b"(" * 300 + b"b" * (255 + more) + b"):",
        b" " * (50 + more) + b"def f(a):",
        b"def" + b" " * (50 + more) + b"f(a):",
        b"def " + b"f" * (100 + more) + b"(a):",
        b"def " + b"f" * (100 + more) + b"\n(a):",
    ):
        assert_same(b"# x\n" + line + b"\n    pass\n")
        assert_same(line + b"\n" + b"def g(a, b):\n")


class Libc:
    """The regular expressions of the C library, as libmagic asks for them."""

    library = ctypes.CDLL(None)
    EXTENDED, NEWLINE = 1, 4

    def span(self, expression: bytes, text: bytes) -> tuple[int, int] | None:
        compiled, found = ctypes.create_string_buffer(256), (ctypes.c_int * 2)()
        assert self.library.regcomp(compiled, expression, self.EXTENDED | self.NEWLINE) == 0
        missed = self.library.regexec(compiled, text, 1, found, 0)
        self.library.regfree(compiled)
        return None if missed else (found[0], found[1])


def test_expressions_without_bounds_match_the_same_places():
    database = magic_database.parse(Path(magic2.get_magicdb_location()).read_bytes())
    starts = {(check, at) for check in database.checks for at in range(0, len(check.records), 376)}
    records = [magic_database._record(check.records, at) for check, at in starts]
    texts = sorted({record.text for record in records if record.kind == magic_database._REGEX})
    bounded = [(text, *found) for text in texts if (found := without_bounds(text))]
    chance, libc, compared = random.Random(10), Libc(), 0
    for expression, unbounded, runs in bounded:
        letters = b"".join(bytes([value]) for value in range(1, 127) if any(run.kind[value] for run in runs))
        pieces = [
            *re.findall(rb"\w+", expression),
            *(letters[n : n + 1] for n in range(len(letters))),
            b"(",
            b"):",
            b"\n",
        ]
        for _ in range(150):
            text = b"".join(
                chance.choice(pieces) * chance.choice([1, 1, 2, 25]) for _ in range(chance.randrange(1, 40))
            )
            if not any(run.is_in(text) for run in runs):
                compared += 1
                assert libc.span(unbounded, text) == libc.span(expression, text), (expression, text)
    assert len(bounded) > 5
    assert compared > 300


def test_what_is_not_a_repetition_of_one_kind_keeps_its_bounds():
    for expression in (
        rb"(ab){0,99}",
        rb"\.{0,99}",
        rb"[a{0,99}]",
        rb"a{2,99}",
        rb"a{0,5}",
        rb"[[:punct:]]{0,99}",
        rb".{0,99}",
    ):
        assert without_bounds(expression) is None
