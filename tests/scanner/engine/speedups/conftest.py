import random

import commoncode.resource
import pytest
from licensedcode.cache import get_index

from scanner.engine import index as license_index
from scanner.engine import speedups
from scanner.engine.speedups import resource_data, resources

from .codebases import ATTRIBUTES, NAMES, VALUES, put_in
from .stock import stock


@pytest.fixture(scope="session")
def index():
    """The whole index, because stock's functions look at it here, too."""
    license_index.load()
    return get_index()


@pytest.fixture(scope="session")
def installed(index):
    """All replacements are in place; they stay there for the rest of the session."""
    assert speedups.install() == []


@pytest.fixture(params=[0, 5])
def codebases(request, tmp_path, monkeypatch):
    """The same folders as a stock codebase and as one with the replacements, in memory and partly on disk."""
    chance = random.Random(request.param)
    root = tmp_path / "root"
    folders = [root]
    root.mkdir()
    for _ in range(25):
        path = chance.choice(folders) / chance.choice(NAMES)
        if path.exists():
            continue
        if chance.random() < 0.4:
            path.mkdir()
            folders.append(path)
        else:
            path.write_text("x" * chance.randrange(9))
    put_in(monkeypatch, (*resources.REPLACEMENTS, *resource_data.REPLACEMENTS))
    made = []
    for module in (stock("commoncode.resource"), commoncode.resource):
        codebase = module.Codebase(str(root), resource_attributes=ATTRIBUTES, max_in_memory=request.param)
        for number, resource in enumerate(codebase.walk()):
            if request.param == 0:
                resource.findings, resource.notes = VALUES[number % len(VALUES)], VALUES[-number % len(VALUES)]
            resource.kind = VALUES[number % 4]
            resource.save(codebase)
        made.append(codebase)
    yield made
    for codebase in made:
        codebase.clear()
