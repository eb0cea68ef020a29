import random

import attr
import pytest
from licensedcode.detection import LicenseMatchFromResult
from licensedcode.models import SpdxRule, UnDetectedRule, UnknownRule

from scanner.engine.speedups import match_data

pytestmark = pytest.mark.usefixtures("index")
MADE_UP = ["spdx-license-identifier-mit-1", "license-detection-unknown-2", "package-manifest-3"]


def mapping(identifier, chance):
    found = {
        "rule_identifier": identifier,
        "license_expression": "mit",
        "matcher": chance.choice(["1-hash", "2-aho", "3-seq"]),
        "start_line": chance.randrange(9),
        "end_line": chance.randrange(9, 20),
        "from_file": chance.choice([None, "a/b.c"]),
        "score": chance.choice([100.0, 12.5]),
        "matched_length": chance.randrange(100),
        "match_coverage": 99.5,
    }
    if chance.random() < 0.5:
        found |= {
            "matched_text": chance.choice(["", "MIT", None]),
            "matched_text_diagnostics": chance.choice(["", "[MIT]"]),
        }
    return found


def described(match):
    fields = {field.name: getattr(match, field.name) for field in attr.fields(type(match))}
    rule = fields.pop("rule")
    return fields | {"hispan": list(fields["hispan"]), "class": type(match), "dict": vars(match)}, rule


def test_a_match_is_made_as_by_stock(index):
    chance = random.Random(5)
    identifiers = chance.sample(sorted(index.rules_by_id), 500)
    for identifier in identifiers:
        data = mapping(identifier, chance)

        ours, rule = described(match_data.match_of(LicenseMatchFromResult, data))
        theirs, their_rule = described(match_data._stock_from_dict(LicenseMatchFromResult, data))

        assert ours == theirs
        assert rule is their_rule is index.rules_by_id[identifier]


def test_no_rule_of_the_index_is_named_like_one_that_is_made_up(index):
    assert not [identifier for identifier in index.rules_by_id if identifier.startswith(match_data._MADE_UP)]


@pytest.mark.parametrize(("identifier", "kind"), zip(MADE_UP, (SpdxRule, UnknownRule, UnDetectedRule), strict=True))
def test_rules_that_the_index_does_not_hold_are_made_by_stock(identifier, kind):
    data = mapping(identifier, random.Random(1))

    assert type(match_data.rule_of(data)) is kind
    assert (
        described(match_data.match_of(LicenseMatchFromResult, data))[0]
        == (described(match_data._stock_from_dict(LicenseMatchFromResult, data))[0])
    )


def test_each_match_has_a_span_of_its_own():
    data = mapping(MADE_UP[0], random.Random(1))
    first, second = (match_data.match_of(LicenseMatchFromResult, data) for _ in range(2))

    assert first.hispan is not second.hispan


def test_data_without_what_is_needed_is_refused():
    data = mapping(MADE_UP[0], random.Random(1))
    del data["start_line"]

    with pytest.raises(KeyError):
        match_data.match_of(LicenseMatchFromResult, data)
    with pytest.raises(KeyError):
        match_data.rule_of({"rule_identifier": "no-such.RULE"})


def test_another_class_is_left_to_stock():
    @attr.s
    class Further(LicenseMatchFromResult):
        more = attr.ib(default=7)

    assert match_data.match_of(Further, mapping(MADE_UP[0], random.Random(1))).more == 7
