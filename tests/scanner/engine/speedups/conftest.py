import pytest
from licensedcode.cache import get_index

from scanner.engine import index as license_index
from scanner.engine import speedups


@pytest.fixture(scope="session")
def index():
    """The whole index, because stock's functions look at it here, too."""
    license_index.load()
    return get_index()


@pytest.fixture(scope="session")
def installed(index):
    """All replacements are in place; they stay there for the rest of the session."""
    assert speedups.install() == []
