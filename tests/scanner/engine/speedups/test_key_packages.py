import random
from types import SimpleNamespace

import pytest

from scanner.engine.speedups.key_packages import is_key_package

from .stock import stock

pytestmark = [
    # ScanCode does not close the folder that it lists.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
    # It asks for a library that neither ScanCode nor this project names.
    pytest.mark.filterwarnings("ignore:Install 'pyicu'"),
]

stock_is_key_package = stock("summarycode.summarizer").is_key_package


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


def test_the_codebase_is_not_walked_over(codebases, monkeypatch):
    if codebases[1].max_in_memory:
        pytest.skip("some of its resources are on disk")
    monkeypatch.setattr(type(codebases[1]), "walk", None)

    assert is_key_package(SimpleNamespace(datafile_paths=["root/none", "root"]), codebases[1]) is False
