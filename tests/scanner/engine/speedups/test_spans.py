import copy
import pickle
import random
import tracemalloc

import pytest
from licensedcode.spans import Span

from .stock import stock

Stock = stock("licensedcode.spans").Span

METHODS = """
    union difference issubset issuperset overlap resemblance containment surround is_before is_after touch distance_to
    __and__ __or__ __sub__ __xor__ __eq__ __contains__ __le__ __lt__ isdisjoint
""".split()  # noqa: SIM905

QUESTIONS = [
    len, list, hash, repr, bool,
    lambda span: span.start,
    lambda span: span.end,
    lambda span: span.magnitude(),
    lambda span: span.density(),
    lambda span: span.subspans(),
    lambda span: list(span.set),
    lambda span: [position in span for position in range(0, 210, 7)],
    lambda span: {3, 4} in span,
    lambda span: span.set in span,
    lambda span: "neither a number nor a set" in span,
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("installed")


def some_arguments(chance):
    """Return arguments that a span can be made from, in each of the forms."""
    start = chance.randrange(60)
    return chance.choice(
        [
            (),
            (start,),
            (start, start + chance.randrange(-2, 30)),
            (range(start, start + chance.randrange(30)),),
            (range(start, start + 50, chance.randrange(1, 7)),),
            tuple(chance.randrange(90) for _ in range(chance.randrange(3, 7))),
            ([chance.randrange(chance.choice([70, 200])) for _ in range(chance.randrange(60))],),
            ({chance.randrange(40) for _ in range(30)},),
        ]
    )


def answer(ask, *spans):
    """Return what stock and ours should have in common: the answer and its type, or the error."""
    try:
        found = ask(*spans)
    except TypeError as error:
        return str(error)
    if isinstance(found, Span | Stock):
        return "span", list(found)
    return type(found), repr(found) if isinstance(found, list) else found


def test_all_methods_give_what_stock_gives():
    chance = random.Random(4)
    for _ in range(1000):
        arguments = [some_arguments(chance) for _ in range(3)]
        ours, stocks = [Span(*some) for some in arguments], [Stock(*some) for some in arguments]
        for name in METHODS:
            assert answer(getattr(ours[0], name), ours[1]) == answer(getattr(stocks[0], name), stocks[1]), arguments
        for name in ("union", "difference", "__and__", "__or__"):
            assert answer(getattr(ours[0], name), *ours[1:]) == answer(getattr(stocks[0], name), *stocks[1:])
            assert answer(getattr(ours[0], name)) == answer(getattr(stocks[0], name))
        for ask in QUESTIONS:
            if ask not in (repr,):
                found, expected = answer(ask, ours[0]), answer(ask, stocks[0])
                assert str(found) == str(expected), arguments


def test_a_span_of_a_span_is_equal_to_it():
    for positions in ([], [3], [3, 4, 5], [3, 9]):
        span = Span(positions)

        assert Span(span) == Span(iter(span)) == copy.deepcopy(span) == span


def test_a_span_made_by_stock_is_taken_over():
    span = Span.__new__(Span)
    span.__dict__["_set"] = Stock([4, 5, 9])._set

    assert (span.start, span.end, len(span)) == (4, 9, 3)
    assert span == Span([4, 5, 9])


def test_spans_keep_their_fields_without_a_dict_of_their_own(installed):
    """With one, a match of many rules takes twice the memory: 240 bytes for each span."""
    spans = 1_000
    tracemalloc.start()
    made = [Span(number, number + 1) for number in range(spans)]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(made) == spans
    assert used / spans < 250


def test_it_is_pickled_as_stock_pickles():
    pickled = pickle.dumps(Span([4, 5, 9]))

    assert Span([4, 5, 9]).__getstate__() == vars(Stock([4, 5, 9]))
    assert pickle.loads(pickled) == Span([4, 5, 9])


@pytest.mark.parametrize("positions", [[-1], [3, -2], range(-2, 3)])
def test_it_refuses_negative_positions(positions):
    with pytest.raises(ValueError, match="negative"):
        Span(positions)
