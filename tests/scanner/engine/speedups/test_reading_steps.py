import copy
import random

import attr
import pytest
from commoncode.resource import Codebase

from scanner.engine.speedups import reading_steps, resources

from .codebases import put_in
from .stock import stock

pytestmark = [
    # ScanCode does not close the folder that it lists.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
    # It asks for a library that neither ScanCode nor this project names.
    pytest.mark.filterwarnings("ignore:Install 'pyicu'"),
    pytest.mark.usefixtures("index"),
]

LISTS = ("license_detections", "license_clues", "copyrights", "holders", "authors", "package_data")
ATTRIBUTES = {name: attr.ib(default=attr.Factory(list)) for name in LISTS} | {
    name: attr.ib(default=None) for name in ("detected_license_expression", "programming_language", "is_key_file")
}
EXPRESSIONS = ["mit", "apache-2.0", "gpl-2.0-plus AND mit", "bsd-new OR mit"]


def match(chance):
    identifier = chance.choice(["mit.LICENSE", "apache-2.0.LICENSE", "spdx-license-identifier-mit-1"])
    return {
        "rule_identifier": identifier,
        "license_expression": chance.choice(EXPRESSIONS),
        "matched_length": 5,
        "matched_text": "MIT",
        "matcher": "2-aho",
        "from_file": None,
        "start_line": chance.randrange(1, 5),
        "end_line": chance.randrange(5, 9),
        "score": 100.0,
        "match_coverage": 100.0,
    }


def detection(chance):
    expression = chance.choice(EXPRESSIONS)
    return {
        "license_expression": expression,
        "license_expression_spdx": expression.upper(),
        "identifier": f"{expression}-1",
        "matches": [match(chance) for _ in range(2)],
    }


def package(chance):
    return {
        "declared_license_expression": chance.choice(EXPRESSIONS),
        "license_detections": [detection(chance) for _ in range(chance.randrange(3))],
        "other_license_expression": chance.choice(EXPRESSIONS),
        "other_license_detections": [detection(chance) for _ in range(chance.randrange(2))],
    }


def fill(resource, chance):
    """Give a file made-up findings."""
    resource.is_key_file = chance.random() < 0.2
    resource.license_detections = [detection(chance) for _ in range(chance.randrange(3))]
    resource.license_clues = [match(chance) for _ in range(chance.randrange(2))]
    resource.detected_license_expression = chance.choice([None, *EXPRESSIONS])
    resource.programming_language = chance.choice([None, "Python", "C"])
    resource.copyrights = [{"copyright": "Copyright (c) 2001 Ada"}] * chance.randrange(2)
    resource.holders = [{"holder": chance.choice(["Ada", "Bob, Inc."])}] * chance.randrange(2)
    resource.authors = [{"author": "Ada"}] * chance.randrange(2)
    resource.package_data = [package(chance)] * chance.randrange(2)
    resource.scan_errors = ["it broke\nhere"] * (chance.random() < 0.2)
    resource.is_filtered = chance.random() < 0.1


@pytest.fixture(params=[0, 5])
def codebase(request, tmp_path, monkeypatch):
    """Folders with made-up findings, in memory and partly on disk; without the replacements, but for the walks."""
    chance = random.Random(request.param)
    root = tmp_path / "root"
    for name in ("a/b/c", "a/d", "e", ".f"):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(chance.randrange(1, 5)):
            (folder / f"{number}.txt").write_text("x" * number)
    put_in(monkeypatch, resources.REPLACEMENTS)
    attributes = {"packages": attr.ib(default=attr.Factory(list))}
    made = Codebase(str(root), ATTRIBUTES, attributes, max_in_memory=request.param)
    for resource in made.walk():
        if resource.is_file:
            fill(resource, chance)
            resource.save(made)
    made.errors = ["the whole is odd"]
    yield made
    made.clear()


def contents(codebase):
    names = [field.name for field in attr.fields(codebase.resource_class) if field.name != "cache_location"]
    return [{name: copy.deepcopy(getattr(found, name)) for name in names} for found in codebase.walk()]


@pytest.mark.parametrize("name", ["license_detections", "copyrights", "detected_license_expression", "nothing"])
@pytest.mark.parametrize("key_files_only", [True, False])
def test_values_of_files_are_those_of_stock(codebase, name, key_files_only):
    before = contents(codebase)
    options = {"key_files_only": key_files_only, "is_string": name == "detected_license_expression"}

    found = reading_steps.get_field_values_from_codebase_resources(codebase, name, **options)

    assert found == stock("summarycode.score").get_field_values_from_codebase_resources(codebase, name, **options)
    assert contents(codebase) == before


def test_references_are_those_of_stock(codebase):
    before = contents(codebase)
    for ours, theirs in (
        (reading_steps.collect_references_from_files, reading_steps._stock_references_from_files),
        (reading_steps.collect_references_from_packages, reading_steps._stock_references_from_packages),
    ):
        keys, rules = ours(codebase)
        their_keys, their_rules = theirs(codebase)

        assert keys == their_keys
        assert {name: rule.license_expression for name, rule in rules.items()} == {
            name: rule.license_expression for name, rule in their_rules.items()
        }
        assert keys
    assert contents(codebase) == before


@pytest.mark.parametrize("with_clues", [True, False])
def test_detections_are_those_of_stock_and_name_their_file(codebase, with_clues):
    before = contents(codebase)
    found = described(reading_steps.collect_license_detections(codebase, with_clues))
    own = contents(codebase)
    assert own != before
    for resource, old in zip(codebase.walk(), before, strict=True):
        for name in ("license_detections", "license_clues", "package_data"):
            setattr(resource, name, old[name])
        resource.save(codebase)
    assert contents(codebase) == before

    assert found == described(reading_steps._stock_detections(codebase, with_clues))
    assert contents(codebase) == own
    assert len({path for each in found for path, *_ in each[-1]}) > 2


def described(detections):
    return [
        (
            each.identifier,
            each.license_expression,
            each.file_region,
            [(match.from_file, match.rule.identifier, match.start_line, match.end_line) for match in each.matches],
        )
        for each in detections
    ]


@pytest.mark.parametrize("verbose", [True, False])
def test_errors_are_those_of_stock(codebase, verbose):
    found = reading_steps.collect_errors(codebase, verbose)

    assert found == reading_steps._stock_errors(codebase, verbose)
    assert len(found) > 1


def test_tallies_are_those_of_stock_in_the_whole_and_in_each_folder(codebase):
    found = copy.deepcopy(reading_steps.compute_codebase_tallies(codebase, keep_details=False))
    own = contents(codebase)
    for resource in codebase.walk():
        resource.extra_data = {}
        resource.save(codebase)

    assert found == reading_steps._stock_tallies(codebase, keep_details=False)
    assert own == contents(codebase)
    assert found["holders"]


@pytest.mark.parametrize("skip_filtered", [True, False])
def test_counts_are_those_of_stock(codebase, skip_filtered):
    for resource in codebase.walk():
        # From an earlier count.
        resource.files_count = resource.dirs_count = resource.size_count = 7
        resource.save(codebase)
    reading_steps.update_counts(codebase, skip_filtered)
    own = contents(codebase)
    for resource in codebase.walk():
        resource.files_count = resource.dirs_count = resource.size_count = 0
        resource.save(codebase)
    stock("commoncode.resource").Codebase.update_counts(codebase, skip_filtered)

    assert contents(codebase) == own
    assert own[0]["files_count"] > 3
