import random

from commoncode import ignore

from scanner.engine.speedups.ignored_paths import get_matches

from .stock import stock

PATTERNS = [
    {
        "*.pyc": "compiled",
        ".git": "vcs",
        "CVS/": "cvs",
        "/build": "build",
        "a/b": "path",
        "a/*": "deep",
        "": "empty",
        " ": "blank",
    },
    {"[ab]?": "", "*": "all"},
    {"x": None, "*x*": 1},
    ignore.default_ignores,
    ignore.ignores_VCS,
]
PARTS = [
    "a",
    "b",
    "ab",
    "x.pyc",
    ".git",
    ".GIT",
    "CVS",
    "build",
    "0",
    "00a",
    "",
    ".",
    "é",
    "x\ny",
    ".svn",
    "node_modules",
    ".DS_Store",
]


def test_the_first_match_is_stocks():
    chance = random.Random(1)
    for patterns in PATTERNS:
        for _ in range(400):
            path = chance.choice(["", "/", "/0"]) + chance.choice("/\\").join(
                chance.choices(PARTS, k=chance.randrange(5))
            )
            path += chance.choice(["", "", "/", "//a"])

            assert get_matches(path, patterns) == stock("commoncode.fileset").get_matches(path, patterns), path


def test_other_questions_are_left_to_stock():
    for patterns in ([], {}, ["*.pyc", "a"], ("a",)):
        for all_matches in (True, False):
            found = get_matches("a/x.pyc", patterns, all_matches)

            assert found == stock("commoncode.fileset").get_matches("a/x.pyc", patterns, all_matches)
    assert get_matches("a/b", PATTERNS[0], all_matches=True) == ["path", "deep"]
    assert get_matches(None, {"a": 1}) is False
