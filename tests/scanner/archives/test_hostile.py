"""Archives that mean harm, and archives that only look like it: none gets out of the workspace."""

from __future__ import annotations

import pytest

from scanner.limits import Limits
from tests.scanner.archives import bombs, damaged, hostile  # noqa: F401 - each fills the table.
from tests.scanner.archives.cases import CASES, Case
from tests.scanner.archives.conftest import Place

REFUSED = {name: case for name, case in CASES.items() if case.error}
UNPACKED = {name: case for name, case in CASES.items() if not case.error}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_it_refuses_with_a_sentence_and_leaves_nothing(case: Case, place: Place) -> None:
    before = place.outside()
    assert case.error is not None

    with pytest.raises(case.error) as caught:
        place.unpack(case.make(), limits=Limits(**case.limits))

    assert type(caught.value) is case.error
    assert case.says in str(caught.value)
    assert str(caught.value).endswith(".")
    assert list(place.workspace.iterdir()) == []
    assert place.outside() == before


@pytest.mark.parametrize("case", UNPACKED.values(), ids=UNPACKED)
def test_it_unpacks_within_the_workspace(case: Case, place: Place) -> None:
    before = place.outside()

    unpacked = place.unpack(case.make(), limits=Limits(**case.limits))

    contents = place.contents()
    if case.files is not None:
        top = "" if all(name.startswith(f"{unpacked.root}") for name in case.files) else f"{unpacked.root}/"
        assert set(contents) == {top + name for name in case.files}
    assert case.says in "\n".join(unpacked.notes)
    assert [entry.name for entry in place.workspace.iterdir()] == [unpacked.root]
    assert (unpacked.files, unpacked.bytes) == (len(contents), sum(map(len, contents.values())))
    assert place.outside() == before
