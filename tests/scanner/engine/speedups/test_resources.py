import json
import random
from pathlib import Path

import attr
import pytest
from commoncode.resource import Codebase, Resource

from scanner.engine.speedups import resources
from scanner.engine.speedups.resource_data import other, plain, uncopied
from scanner.engine.speedups.resources import clean_path, copied, is_clean, stored

from .codebases import VALUES, Finding
from .stock import stock

# ScanCode does not close the folder that it lists.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


def described(resource):
    names = [field.name for field in attr.fields(type(resource)) if field.name != "cache_location"]
    return {name: getattr(resource, name) for name in names}


@pytest.mark.parametrize("topdown", [True, False])
@pytest.mark.parametrize("skip_root", [True, False])
def test_a_walk_gives_the_same_resources_in_the_same_order(codebases, topdown, skip_root):
    walks = [[described(found) for found in each.walk(topdown=topdown, skip_root=skip_root)] for each in codebases]

    assert walks[0] == walks[1]
    assert len(walks[0]) > 10


def test_a_walk_that_ignores_some_gives_the_same_resources(codebases):
    def ignored(resource, codebase):
        return resource.name.startswith(("a", "b"))

    walks = [[found.path for found in each.walk(ignored=ignored)] for each in codebases]

    assert walks[0] == walks[1]


@pytest.mark.parametrize(
    "options", [{}, {"with_info": True}, {"skinny": True}, {"with_timing": True, "strip_root": True}]
)
def test_a_resource_is_the_same_as_plain_data(codebases, options):
    data = [[found.to_dict(**options) for found in each.walk()] for each in codebases]

    assert data[0] == data[1]
    assert [list(each) for each in data[0]] == [list(each) for each in data[1]]


@pytest.mark.parametrize("topdown", [True, False])
def test_a_walk_without_copies_gives_the_same_resources_in_the_same_order(codebases, topdown):
    for _ in range(2):
        walks = [
            [described(found) for found in codebases[0].walk(topdown=topdown)],
            [described(found) for found in stored(codebases[1], topdown=topdown)],
        ]

        assert walks[0] == walks[1]


def test_a_walk_without_copies_gives_the_resources_themselves(tmp_path):
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    for name in ("x", "a/y", "a/b/z"):
        (tmp_path / "root" / name).touch()
    codebase = Codebase(str(tmp_path / "root"))
    try:
        for _ in range(2):
            found = list(stored(codebase))

            assert len(found) == 6
            assert all(codebase.resources_by_path[each.path] is each for each in found)
    finally:
        codebase.clear()


def test_a_walk_without_copies_sees_what_is_removed_and_what_becomes_a_folder(codebases):
    list(stored(codebases[1]))
    walks = []
    for codebase in codebases:
        families = [found.children(codebase) for found in codebase.walk() if found.is_dir]
        removed, becoming = [family for family in families if len([each for each in family if each.is_file]) > 1][:2]
        removed[0].remove(codebase)
        codebase._get_or_create_resource(name="new", parent=becoming[0], is_file=True)
        codebase._get_or_create_resource(name="more", parent=codebase.root, is_file=True)
        walk = stored if codebase is codebases[1] else Codebase.walk
        walks.append([found.path for found in walk(codebase)])

    assert walks[0] == walks[1]
    assert sum(path.endswith(("/new", "root/more")) for path in walks[0]) == 2


def test_distances_from_the_root_are_the_same(codebases):
    distances = [[(found.path, found.distance(each)) for found in each.walk()] for each in codebases]

    assert distances[0] == distances[1]
    assert {distance for _, distance in distances[0]} >= {0, 1, 2}


def test_the_distance_of_what_hangs_loose_is_stocks(codebases):
    distances = []
    for codebase in codebases:
        there = [found for found in codebase.walk() if found.path.count("/") > 2]
        loose = next(found for found in there if found.parent_path() in codebase.resources_by_path)
        before = loose.distance(codebase)
        del codebase.resources_by_path[loose.parent_path()]
        distances.append((before, loose.distance(codebase)))

    assert distances[0] == distances[1]
    assert distances[0][0] > distances[0][1]


def test_data_without_copies_is_written_as_data_with_them(codebases):
    data = [found.to_dict() for found in codebases[0].walk()]
    uncopied_data = [uncopied(found, False, False, False, False) for found in codebases[1].walk()]

    for ours, theirs in zip(uncopied_data, data, strict=True):
        try:
            expected = json.dumps(theirs)
        except TypeError:
            with pytest.raises(TypeError):
                json.dumps(ours, default=other)
        else:
            assert json.dumps(ours, default=other) == expected


def test_counts_are_the_same(codebases):
    counts = []
    for codebase in codebases:
        codebase.update_counts()
        counts.append([(each.files_count, each.dirs_count, each.size_count) for each in codebase.walk()])

    assert counts[0] == counts[1]


def test_parents_are_the_same(codebases):
    paths = [[found.parent_path() for found in each.walk()] for each in codebases]

    assert paths[0] == paths[1]


def test_a_walk_from_a_folder_is_the_same_from_below(codebases):
    walks = [
        [[below.path for below in found.walk(each, topdown=False)] for found in each.walk() if found.is_dir]
        for each in codebases
    ]

    assert walks[0] == walks[1]
    assert any(walks[0])


def test_what_is_changed_without_saving_is_not_changed_in_the_codebase(codebases):
    for codebase in codebases:
        first = next(iter(codebase.walk(skip_root=True)))
        first.kind = "changed"

        assert codebase.get_resource(first.path).kind != "changed"
        assert codebase.get_resource("root/nothing/there") is None


def test_a_change_during_a_walk_is_seen_by_it(codebases):
    seen = []
    for codebase in codebases:
        for resource in codebase.walk():
            resource.kind = f"at {resource.path}"
            resource.save(codebase)
            parent = resource.parent(codebase)
            seen.append((codebase is codebases[0], resource.path, parent and parent.kind))

    half = len(seen) // 2
    assert [each[1:] for each in seen[:half]] == [each[1:] for each in seen[half:]]


def test_paths_are_cleaned_as_by_stock():
    stocks = stock("commoncode.resource").clean_path
    chance = random.Random(3)
    paths = [None, "", ".", "/"]
    for _ in range(20_000):
        paths.append("".join(chance.choices(["a", "b", "/", ".", "..", "\\", " ", "é"], k=chance.randrange(7))))

    assert [clean_path(path) for path in paths] == [stocks(path) for path in paths]
    assert any(is_clean(path) for path in paths)


def test_classes_with_converters_are_copied_by_attrs():
    @attr.s(slots=True)
    class Converting(Resource):
        number = attr.ib(default=0, converter=int)

    resource = Converting(name="a", location="/a", path="a")
    resource.number = "7"

    assert copied(resource).number == 7


def test_plain_values_are_those_of_attrs():
    for value in VALUES:
        expected = attr.asdict(Finding(value))["value"]

        assert plain(value) == expected
        assert repr(plain(value)) == repr(expected)


def test_a_codebase_of_one_file_has_that_file_alone(tmp_path):
    Path(tmp_path, "x").write_text("")
    codebase = Codebase(str(tmp_path / "x"))
    try:
        assert [found.path for found in resources.walk_codebase(codebase, skip_root=True)] == ["x"]
    finally:
        codebase.clear()
