"""Whatever could change a finding changes the engine's version."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from scanner.engine import version


@pytest.fixture
def engine_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the engine's sources, whose revision is asked for in place of the real one's."""
    folder = tmp_path / "engine"
    shutil.copytree(Path(version.__file__).parent, folder)
    monkeypatch.setattr(version, "__file__", str(folder / "version.py"))
    return folder


def test_it_is_the_same_as_long_as_nothing_changes(engine_copy: Path) -> None:
    assert version.revision() == version.revision()


def test_any_line_of_the_engine_changes_it(engine_copy: Path) -> None:
    before = version.revision()
    with (engine_copy / "files.py").open("a") as source:
        source.write("# Another line.\n")

    assert version.revision() != before


def test_a_new_speed_up_changes_it(engine_copy: Path) -> None:
    before = version.revision()
    (engine_copy / "speedups" / "another.py").write_text("")

    assert version.revision() != before


def test_another_version_of_any_package_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = version.revision()
    installed = [*metadata.distributions(), SimpleNamespace(name="another", version="1.0")]
    monkeypatch.setattr(metadata, "distributions", lambda: installed)

    assert version.revision() != before


def test_stocks_own_code_is_another_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = version.revision()
    monkeypatch.setenv("SCANNER_STOCK", "1")

    assert version.revision() != before
