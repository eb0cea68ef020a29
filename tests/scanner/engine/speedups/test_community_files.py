import random

from summarycode import classify

from scanner.engine.speedups.community_files import check_is_community_file

from .stock import stock

NAMES = ["", "CHANGELOG.md", "Code-of_Conduct.txt", "my-AUTHORS", "_road_map_", "SECURITY", "secure", "ſecurity", "İ"]


def test_names_are_judged_as_by_stock():
    stocks = stock("summarycode.classify").check_is_community_file
    chance = random.Random(4)
    names = list(NAMES)
    for _ in range(2_000):
        known = chance.choice(classify.COMMUNITY_FILES)
        cut = known[: chance.randrange(len(known) - 2, len(known) + 1)]
        around = "".join(chance.choices("aB_-.", k=3))
        names.append(chance.choice([cut + around, around + cut, cut.title(), around]))

    answers = [check_is_community_file(name) for name in names]

    assert answers == [stocks(name) for name in names]
    assert {True, False} == set(answers)
