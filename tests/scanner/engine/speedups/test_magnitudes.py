import pytest

from scanner.engine.speedups import magnitudes

from .stock import stock
from .texts import sample

stock_qmagnitude = stock("licensedcode.match").LicenseMatch.qmagnitude

pytestmark = pytest.mark.usefixtures("installed")


def test_the_words_that_a_match_stretches_over_are_counted_as_in_stock(index):
    texts = [text.replace("the", "zqxzqx") for text in sample(30, seed=71)]
    found = [match for text in texts for match in index.match(query_string=f"{text}\nMIT License\nzqx")]

    assert any(magnitudes.qmagnitude(match) > match.qregion_len() for match in found)
    assert [magnitudes.qmagnitude(match) for match in found] == [stock_qmagnitude(match) for match in found]
