"""The architecture, tested: who imports whom, what stays light, and that the documents tell the truth."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import upgrade

import config
from webapp.extensions import db

ROOT = Path(__file__).resolve().parent.parent

#: Lowest first: a module imports from its own line and from those above it only. Longest prefix wins.
LAYERS = (
    ("scanner",),
    ("config",),
    ("reports",),
    ("webapp.extensions", "webapp.models", "webapp.results", "webapp.security", "webapp.ratelimits"),
    ("webapp.counters", "webapp.logs"),
    ("webapp.mails",),
    ("tasks",),
    ("webapp.readiness",),
    ("webapp.metrics",),
    ("webapp.forms", "webapp.filters", "webapp.views", "webapp.cli", "webapp.doctor"),
    ("webapp",),
    ("wsgi", "tasks.worker", "deploy"),
)


def _layer(module: str) -> int | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        for number, names in enumerate(LAYERS):
            if prefix in names:
                return number
    return None


def _sources() -> list[Path]:
    folders = ("scanner", "reports", "webapp", "tasks", "deploy")
    return [ROOT / "config.py", ROOT / "wsgi.py", *(p for f in folders for p in sorted((ROOT / f).rglob("*.py")))]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> set[str]:
    """Return the modules that a file imports when it is imported; create_app's own late imports do not count."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # "from tasks import mails" imports a module, "from tasks.mails import ring" a name: both count as given.
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("path", _sources(), ids=_module)
def test_a_module_imports_only_from_its_own_layer_and_below(path: Path) -> None:
    own = _layer(_module(path))
    assert own is not None, f"{path} has no place in the layers"

    above = {
        name
        for name in _imports(path)
        # The package of a module is imported with it, whatever the layer: only "webapp" itself holds more than names.
        if (layer := _layer(name)) is not None and layer > own and name not in ("webapp", "tasks")
    }

    assert not above


@pytest.mark.parametrize("path", [p for p in _sources() if "engine" not in p.parts], ids=_module)
def test_only_the_engine_knows_scancode(path: Path) -> None:
    scancode = ("scancode", "licensedcode", "cluecode", "packagedcode", "summarycode", "typecode", "textcode")

    assert not {name for name in _imports(path) if name.split(".")[0] in scancode}


@pytest.mark.parametrize("module", ["wsgi", "tasks.worker"])
def test_site_and_workers_start_without_scancode(module: str, environment: dict[str, str]) -> None:
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)

    modules = json.loads(result.stdout)
    assert not [name for name in modules if name.split(".")[0] in ("scancode", "licensedcode", "packagedcode")]


def test_the_migrations_make_the_tables_of_the_models(app: Flask) -> None:
    db.drop_all()

    upgrade(directory=str(ROOT / "migrations"))

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_every_setting_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()

    families = ("LIMIT_", "REGISTRY_")
    missing = [s.name for s in config.SETTINGS if not s.name.startswith(families) and f"`{s.name}`" not in readme]

    assert not missing


def test_every_direct_requirement_is_pinned() -> None:
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.M))
    asked = re.findall(r"^([\w-]+)", (ROOT / "requirements.in").read_text(), re.M)

    assert {name.lower() for name in asked} <= {name.lower() for name in pinned}


def test_the_layers_hold_every_top_level_package() -> None:
    assert _layer("scanner.fetch") == 0
    assert _layer("tasks.worker") > _layer("tasks.work")  # type: ignore[operator]
    assert _layer("webapp.models") < _layer("tasks.jobs") < _layer("webapp.views.scans")  # type: ignore[operator]
