import random

import pytest
from typecode import contenttype, pygments_lexers

from scanner.engine.speedups import lexer_lookup
from scanner.engine.speedups.lexer_lookup import find_lexer_class, get_lexer_for_filename

from .stock import stock

stock_find = pygments_lexers.find_lexer_class_for_filename


def names():
    chance = random.Random(1)
    patterns = sorted({pattern for lexer in pygments_lexers.LEXERS.values() for pattern in lexer[3]})
    for pattern in patterns:
        for filler in ("", "a", "A.b", ".", "makefile", "x\ny", "é"):
            yield pattern.replace("*", filler).replace("[", "").replace("]", "")
        yield chance.choice(["", "x"]) + pattern.upper() + chance.choice(["", ".txt", "~"])


def test_every_pattern_leads_to_stocks_lexer():
    for name in random.Random(4).sample(list(names()), 700):
        assert find_lexer_class(name) is stock_find(name), name


def test_only_the_name_counts_not_the_folder():
    assert get_lexer_for_filename("/some/where.js/x.py").name == "Python"
    with pytest.raises(contenttype.LexerClassNotFound):
        get_lexer_for_filename("/some/where.py/x")


def test_a_name_with_content_is_left_to_stock():
    code = "#include <iostream>\nusing namespace std;\nclass X {};"

    assert get_lexer_for_filename("x.h", code).name == stock_find("x.h", code).name


def test_plugins_are_asked_for_once(monkeypatch):
    asked = []
    monkeypatch.setattr(lexer_lookup.importlib.metadata, "entry_points", lambda group: asked.append(group) or ())
    lexer_lookup.iter_entry_points.cache_clear()

    for _ in range(2):
        assert lexer_lookup.iter_entry_points("pygments.lexers") == ()

    assert asked == ["pygments.lexers"]


def test_a_plugin_takes_part_in_the_choice(monkeypatch):
    class Plugin:
        filenames = ("*.py", "*.zzz9")
        priority = 2.0

    monkeypatch.setattr(lexer_lookup.plugin, "find_plugin_lexers", lambda: iter([Plugin]))
    find_lexer_class.cache_clear()
    try:
        assert find_lexer_class("a.py") is find_lexer_class("a.zzz9") is Plugin
    finally:
        find_lexer_class.cache_clear()


def test_the_language_of_a_file_is_stocks(tmp_path, monkeypatch):
    monkeypatch.setattr(contenttype, "get_lexer_for_filename", get_lexer_for_filename)
    for name in ("x.py", "x.PY", "x.js", "x.md", "x.h", "Makefile", "x.unknown", "no-extension"):
        path = tmp_path / name
        path.write_text("#!/usr/bin/env python\nimport os\n")

        found = contenttype.Type(str(path)).filetype_pygment

        assert found == stock("typecode.contenttype").Type(str(path)).filetype_pygment
