import random
from types import SimpleNamespace

import pytest

from scanner.engine.speedups.package_files import find_referenced_resource_from_package, is_key_package

from .stock import stock

pytestmark = [
    # ScanCode does not close the folder that it lists.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
    # It asks for a library that neither ScanCode nor this project names.
    pytest.mark.filterwarnings("ignore:Install 'pyicu'"),
]

stock_is_key_package = stock("summarycode.summarizer").is_key_package
stock_find = stock("licensedcode.detection").find_referenced_resource_from_package


def test_a_package_is_found_by_its_files_as_by_stock(codebases):
    chance = random.Random(1)
    for codebase in codebases:
        gone = [found for found in codebase.walk() if found.is_file][3]
        codebase.remove_resource(gone)
    paths = [found.path for found in codebases[0].walk()]
    paths += [gone.path, "", "root/none", "none", "root/", *(f"{path}/" for path in paths), *(f"./{p}" for p in paths)]
    packages = [SimpleNamespace(datafile_paths=[path]) for path in paths]
    packages += [SimpleNamespace(datafile_paths=chance.choices(paths, k=3)) for _ in range(50)]
    packages += [SimpleNamespace(datafile_paths=nothing) for nothing in (None, [])]

    answers = [is_key_package(package, codebases[1]) for package in packages]

    assert answers == [stock_is_key_package(package, codebases[0]) for package in packages]
    assert set(answers) == {True, False}


@pytest.mark.parametrize("codebases", [0], indirect=True)
def test_a_codebase_in_memory_is_not_walked_over(codebases, monkeypatch):
    monkeypatch.setattr(type(codebases[1]), "walk", None)

    assert is_key_package(SimpleNamespace(datafile_paths=["root/none", "root"]), codebases[1]) is False


def test_a_referenced_file_is_found_beside_the_manifests_as_by_stock(codebases):
    chance = random.Random(1)
    codebase = codebases[1]
    paths = [found.path for found in codebase.walk()]
    paths += [path.partition("/")[2] for path in paths]
    names = sorted({path.rpartition("/")[2] for path in paths})
    uids = [None, "", *(f"pkg:generic/{number}" for number in range(12))]
    packages = []
    answers, expected = [], []
    for _ in range(300):
        if chance.random() < 0.2:
            packages.append(
                {"package_uid": chance.choice(uids), "datafile_paths": chance.choices(paths, k=chance.randrange(4))}
            )
        elif packages and chance.random() < 0.05:
            packages.pop(chance.randrange(len(packages)))
        around = SimpleNamespace(
            attributes=SimpleNamespace(packages=packages), root=codebase.root, get_resource=codebase.get_resource
        )
        resource = SimpleNamespace(for_packages=chance.choices(uids, k=chance.randrange(4)))
        name = chance.choice(names)
        answers.append(find_referenced_resource_from_package(name, resource, around))
        expected.append(stock_find(name, resource, around))

    assert [found and found.path for found in answers] == [found and found.path for found in expected]
    assert sum(found is not None for found in answers) > 10


def test_without_packages_or_a_resource_no_file_is_found(codebases):
    for packages, resource in (([], SimpleNamespace(for_packages=["a"])), ([{"package_uid": "a"}], None)):
        around = SimpleNamespace(attributes=SimpleNamespace(packages=packages), root=codebases[0].root)

        assert find_referenced_resource_from_package("LICENSE", resource, around) is None
