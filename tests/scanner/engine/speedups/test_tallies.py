import random
from types import SimpleNamespace

import pytest
from summarycode import copyright_tallies as stock_tallies

from scanner.engine.speedups import tallies
from scanner.engine.speedups.tallies import build_tallies

# It asks for a library that neither ScanCode nor this project names.
pytestmark = pytest.mark.filterwarnings("ignore:Install 'pyicu'")

TEXTS = {
    "copyrights": ["Copyright (c) 2001 Ada", "(c) Ada, 2002", "Copyright Ada", "© 1999-2003 Bob Inc.", "", "Copyright"],
    "holders": ["Ada", "ada.", "Bob Inc", "Bob, Inc.", "", None, "the Ada"],
    "authors": ["Ada", "by Ada", "Écrit par Zoë", " "],
}
KINDS = {
    "copyrights": ("copyright", stock_tallies.tally_copyrights),
    "holders": ("holder", stock_tallies.tally_persons),
    "authors": ("author", stock_tallies.tally_persons),
}


def tree(chance, depth=0):
    """Return a made-up file or folder and what is in it."""
    resource = SimpleNamespace(is_file=depth == 3 or chance.random() < 0.3, extra_data={}, tallies={}, below=[])
    for kind, (value, _) in KINDS.items():
        count = chance.choice([0, 0, 1, 3]) if resource.is_file or chance.random() < 0.1 else 0
        setattr(resource, kind, [{value: text} for text in chance.choices(TEXTS[kind], k=count)])
    if not resource.is_file:
        resource.below = [tree(chance, depth + 1) for _ in range(chance.randrange(5))]
    return resource


def findings(chance, resource):
    """Give a made-up file or folder licences and a language, and all that is below it."""
    resource.license_detections = [{"license_expression": one} for one in chance.choices("mab", k=chance.randrange(4))]
    resource.license_clues = [{"license_expression": one} for one in chance.choices("mc", k=chance.randrange(2))]
    resource.programming_language = chance.choice([None, "", "C", "Python"])
    resource.package_data = [{"license_detections": [{"license_expression": "p"}]}] * chance.choice([0, 0, 1])
    for child in resource.below:
        findings(chance, child)
    return resource


def counted_whole(functions, resource, keep_details):
    below = [counted_whole(functions, child, keep_details) for child in resource.below]
    own = [function(resource, resource.below, keep_details=keep_details) for function in functions]
    return [own, below, resource.extra_data, resource.tallies]


def counted(function, resource, keep_details):
    below = [counted(function, child, keep_details) for child in resource.below]
    own = [function(resource, resource.below, kind, *KINDS[kind], keep_details=keep_details) for kind in KINDS]
    return [own, below, resource.extra_data, resource.tallies]


@pytest.mark.parametrize("keep_details", [False, True])
def test_texts_are_counted_as_by_stock(keep_details):
    for seed in range(60):
        ours = counted(build_tallies, tree(random.Random(seed)), keep_details)
        theirs = counted(tallies._stock_build_tallies, tree(random.Random(seed)), keep_details)

        assert ours == theirs


def test_counting_a_second_time_changes_nothing():
    resource = tree(random.Random(7))
    first = counted(build_tallies, resource, False)

    assert counted(build_tallies, resource, False) == first


def test_equal_files_have_counts_of_their_own():
    files = [SimpleNamespace(is_file=True, extra_data={}, holders=[{"holder": "Ada"}]) for _ in range(2)]
    first, second = (build_tallies(file, [], "holders", *KINDS["holders"]) for file in files)
    first[0]["count"] = 99
    first.append("more")

    assert second == [{"value": "Ada", "count": 1}]
    assert files[1].extra_data["tallies"]["holders"] == second


@pytest.mark.parametrize("keep_details", [False, True])
def test_licences_and_languages_are_counted_as_by_stock(keep_details):
    ours = tallies.license_tallies, tallies.language_tallies
    theirs = tallies._stock_license_tallies, tallies._stock_language_tallies
    for seed in range(100):
        made = [findings(chance, tree(chance)) for chance in (random.Random(seed), random.Random(seed))]

        assert counted_whole(ours, made[0], keep_details) == counted_whole(theirs, made[1], keep_details)
