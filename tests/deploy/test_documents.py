"""What SECURITY.md and docs/OPERATIONS.md point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "SECURITY.md", ROOT / "docs" / "OPERATIONS.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_and_test_that_it_names_exists(document: Path) -> None:
    roots = "scanner|reports|webapp|tasks|deploy|tests|templates|docs|migrations"
    names = re.findall(rf"`((?:{roots})/[\w/.\-]*|config\.py|wsgi\.py)(?:::(\w+))?`", document.read_text())

    assert names
    for path, test in names:
        assert (ROOT / path).exists(), path
        if test:
            assert re.search(rf"^def {test}\(", (ROOT / path).read_text(), re.M), test


def test_every_threat_has_a_gate_and_a_test() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]

    assert len(rows) > 20
    for threat, gate, tests in rows:
        assert "`" in gate, threat
        assert "`tests/" in tests, threat
