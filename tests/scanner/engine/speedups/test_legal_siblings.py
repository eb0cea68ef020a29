import copy
import random
from itertools import product

import attr
import pytest
from commoncode.resource import Codebase
from packagedcode import licensing

from scanner.engine.speedups.legal_siblings import get_license_detections_from_sibling_file

from .stock import stock

pytestmark = [
    # ScanCode does not close the folder that it lists.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
    # It asks for a library that neither ScanCode nor this project names.
    pytest.mark.filterwarnings("ignore:Install 'pyicu'"),
    pytest.mark.usefixtures("index"),
]

stock_detections = stock("packagedcode.licensing").get_license_detections_from_sibling_file

BEGINNINGS = ("", "LICENSE", "copying", "ReadMe", "a", ".", "Notice-")
MIDDLES = ("", "x", "license", "readme")
ENDS = ("", ".txt", ".LICENSE", ".tar.gz", ".readme", ".tar", "copyright")
NAMES = sorted({"".join(parts) for parts in product(BEGINNINGS, MIDDLES, ENDS)} - {"", "."})


@pytest.fixture
def codebase(tmp_path):
    """Folders with all kinds of names in them, of files and of folders, and a licence detection in most files."""
    chance = random.Random(1)
    root = tmp_path / "root"
    for folder in (root, root / "below", root / "license"):
        folder.mkdir()
        for name in chance.sample(NAMES, 60):
            (folder / name).mkdir() if chance.random() < 0.2 else (folder / name).touch()
    codebase = Codebase(str(root), resource_attributes={"license_detections": attr.ib(default=attr.Factory(list))})
    for resource in codebase.walk():
        if resource.is_file and chance.random() < 0.9:
            resource.license_detections = [detection(chance) for _ in range(chance.randrange(1, 3))]
            codebase.save_resource(resource)
        # Not in the order in which they are walked over.
        chance.shuffle(resource.children_names)
    yield codebase
    codebase.clear()


def detection(chance):
    expression = chance.choice(["mit", "apache-2.0", "gpl-2.0-plus AND mit"])
    return {"license_expression": expression, "matches": [{"from_file": chance.choice([None, "root/x"])}]}


def answers(function, codebase):
    """Return what is found for each resource, and what that has changed in the codebase, which stays as it was."""
    kept = {resource.path: copy.deepcopy(resource.license_detections) for resource in codebase.walk()}
    found = [
        (resource.path, copy.deepcopy(function(resource=resource, codebase=codebase))) for resource in codebase.walk()
    ]
    changed = {resource.path: copy.deepcopy(resource.license_detections) for resource in codebase.walk()}
    for resource in codebase.walk():
        resource.license_detections = kept[resource.path]
        codebase.save_resource(resource)
    return found, changed


def test_the_same_is_found_beside_each_file_as_by_stock(codebase):
    found, changed = answers(get_license_detections_from_sibling_file, codebase)

    assert (found, changed) == answers(stock_detections, codebase)
    assert len({expression for _, (_, expression) in found}) > 1


def test_licences_that_come_and_go_are_noticed(codebase):
    assert answers(get_license_detections_from_sibling_file, codebase)
    legal = [child for child in codebase.root.children(codebase) if licensing.is_legal_or_readme(child)]
    files = [resource for resource in legal if resource.is_file and resource.license_detections]

    for resource in files[1:]:
        codebase.remove_resource(resource)
    only = get_license_detections_from_sibling_file(codebase.root, codebase)
    new = attr.evolve(files[0], path="root/license-2", license_detections=[detection(random.Random(2))])
    codebase.root.children_names.append("license-2")
    codebase.save_resource(new)
    both = get_license_detections_from_sibling_file(codebase.root, codebase)

    assert only[0] == files[0].license_detections
    assert both[0] == [*files[0].license_detections, *new.license_detections]
    assert both == stock_detections(codebase.root, codebase)


def test_stock_is_asked_only_about_names_like_those_of_licences(codebase, monkeypatch):
    asked = set()
    monkeypatch.setattr(licensing, "is_legal_or_readme", lambda resource: asked.add(resource.name))
    names = {child.name for child in codebase.root.children(codebase)}

    for child in codebase.root.children(codebase):
        get_license_detections_from_sibling_file(child, codebase)

    assert asked == {
        name for name in names if any(word in name.lower() for word in ("license", "readme", "cop", "not"))
    }
