import random

import pytest
from license_expression import Licensing

from scanner.engine.speedups import license_expressions
from scanner.engine.speedups.license_expressions import build_spdx_license_expression, combine_expressions

KEYS = [
    "mit",
    "apache-2.0",
    "gpl-2.0 WITH classpath-exception-2.0",
    "mit OR gpl-2.0",
    "proprietary-license",
    "(bsd-new)",
]


def asked(function, *args, **options):
    try:
        return function(*args, **options)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.usefixtures("index")
def test_expressions_are_written_as_by_stock():
    chance = random.Random(1)
    given = [" AND ".join(chance.choices(KEYS, k=chance.randrange(1, 4))) for _ in range(60)]
    for expression in [*given, *given[:20], "", None, "no-such-licence", "mit AND", "MIT"]:
        assert asked(build_spdx_license_expression, expression) == asked(
            license_expressions._stock_build_spdx_license_expression, expression
        )


def test_expressions_are_combined_as_by_stock():
    chance = random.Random(2)
    for _ in range(300):
        expressions = chance.choice([list, tuple, set, list])(
            chance.choices([*KEYS, "mit AND", ""], k=chance.randrange(4))
        )
        options = chance.choice(["AND", "OR", "and", "XOR", None]), chance.choice([True, False])
        licensing = chance.choice([license_expressions._DEFAULT_LICENSING, Licensing(["mit"]), None])

        found = asked(combine_expressions, expressions, *options, licensing)

        assert found == asked(license_expressions._stock_combine_expressions, expressions, *options, licensing)


def test_parsed_expressions_are_combined_as_by_stock():
    parsed = [Licensing().parse("mit"), "gpl-2.0"]

    assert combine_expressions(parsed) == license_expressions._stock_combine_expressions(parsed)
    assert combine_expressions(None) is combine_expressions([]) is None


def test_expressions_of_detections_are_combined_as_by_stock():
    chance = random.Random(3)
    licensings = [license_expressions._DEFAULT_OF_DETECTION, Licensing(["mit"]), Licensing()]
    for _ in range(300):
        expressions = chance.choice([list, tuple, set, list])(
            chance.choices([*KEYS, "mit AND", ""], k=chance.randrange(4))
        )
        given = expressions, chance.choice(["AND", "OR", "and", "XOR", None]), chance.choice([True, False])
        licensing = chance.choice([*licensings, None])

        found = asked(license_expressions.combine_expressions_of_detection, *given, licensing)
        expected = asked(license_expressions._stock_combine_of_detection, *given, licensing)

        assert type(found) is type(expected)
        assert str(found) == str(expected)


def test_keys_are_those_of_stock_and_a_list_of_ones_own():
    chance = random.Random(4)
    licensings = [license_expressions._DEFAULT_LICENSING, Licensing(["mit", "gpl-2.0"]), Licensing()]
    given = [" OR ".join(chance.choices(KEYS, k=chance.randrange(1, 5))) for _ in range(200)]
    for expression in [*given, *given[:50], "", None, "mit AND", Licensing().parse("mit and mit")]:
        licensing, options = chance.choice(licensings), chance.choice([{}, {"unique": False}, {"validate": True}])

        found = asked(license_expressions.license_keys, licensing, expression, **options)

        assert found == asked(license_expressions._stock_license_keys, licensing, expression, **options)
        if isinstance(found, list):
            found.append("of the caller's own")
