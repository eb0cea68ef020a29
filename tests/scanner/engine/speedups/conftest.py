import pytest

from scanner.engine import speedups
from scanner.engine.speedups.index_loading import load_index


@pytest.fixture(scope="session")
def index():
    return load_index()


@pytest.fixture(scope="session")
def installed(index):
    """All replacements are in place; they stay there for the rest of the session."""
    assert speedups.install() == []
