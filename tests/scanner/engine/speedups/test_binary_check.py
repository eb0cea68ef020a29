import random
from pathlib import Path

from binaryornot import helpers

from scanner.engine.speedups.binary_check import features, is_binary_string

from .stock import stock
from .texts import sample


def chunks():
    chance = random.Random(2)
    for text in sample(80, seed=51):
        for encoding in ("utf-8", "latin-1", "utf-16", "utf-32-be", "shift_jis", "gb2312"):
            yield text[: chance.choice([1, 3, 9, 15, 200, 512])].encode(encoding, errors="replace")[:512]
    binary = Path(helpers.__file__).with_name("__pycache__").glob("*.pyc")
    for content in [path.read_bytes() for path in binary] + [chance.randbytes(4000)]:
        yield from (content[at : at + 512] for at in range(0, 4000, 512))
    for signature in helpers._BINARY_SIGNATURES:
        yield signature + b" text"
    yield from (bytes([byte]) * size for byte in range(256) for size in (1, 2, 3, 12, 17))


def test_the_numbers_are_stocks_to_the_last_bit():
    for chunk in filter(None, chunks()):
        assert features(chunk) == stock("binaryornot.helpers")._compute_features(chunk)


def test_the_answer_is_stocks():
    given = list(chunks())
    answers = [is_binary_string(chunk) for chunk in given]

    assert answers == [stock("binaryornot.helpers").is_binary_string(chunk) for chunk in given]
    assert {True, False} == set(answers)
