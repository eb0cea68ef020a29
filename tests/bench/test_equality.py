import pytest

from bench import equality
from tests.scanner.engine.speedups.texts import sample, write


@pytest.mark.timeout(280)
def test_findings_are_those_of_stock_scancode(tmp_path):
    locations = write(tmp_path, sample(40, seed=2))

    assert list(equality.differences(locations)) == []


def test_a_difference_is_told_and_makes_the_command_fail(monkeypatch, capsys):
    monkeypatch.setattr(equality, "differences", lambda locations: [(locations[0], "ours", "stock's")])

    assert equality.main(["--texts", "1"]) == 1
    assert "stock's" in capsys.readouterr().out
