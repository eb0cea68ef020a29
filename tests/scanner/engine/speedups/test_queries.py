import pytest
from licensedcode.query import Query

from scanner.engine.speedups import queries

from .texts import sample, write

pytestmark = pytest.mark.usefixtures("installed")

ODD = [
    "x SPDX-License-Identifier: MIT the\nspdx license identifier\n a b spdx-license-identifier: (MIT or foo) --\n",
    "licenses.nuget.org/MIT OR Apache\n the the the SPDX-License-Identifier: gpl\n zzqqy spdx-license-identifier zzqq",
    "b c spdx-license-identifier: mit\nb c license spdx-license-identifier: mit\n",
    "1 2 3\n\n\n\n\n\n5 6\n\n\n\n\n\nlicense\n\n\n\n\n7",
    "of the", "zzzzqq", "\n\n\n", "Σ İ ΑΣ license", "i++ a+b+c +x ++ GPL2+ —+b+c\n+\n",
    "a\x0bb\x0cc\x1cd\x85e\u2028f\r\ng",
]  # fmt: skip


def described(init, index, **source):
    """Return all that a query knows."""
    query = Query.__new__(Query)
    init(query, idx=index, **source)
    known = {name: getattr(query, name) for name in Query.__slots__ if name not in ("idx", "query_runs")}
    known["query_runs"] = [(run.start, run.end) for run in query.query_runs]
    known["types"] = {type(value) for value in [*query.tokens, *query.line_by_pos, *query.unknowns_by_pos.items()]}
    return known


def assert_same(index, **source):
    assert described(queries.init, index, **source) == described(queries.stock_init, index, **source)


def test_a_query_of_a_string_knows_what_stocks_knows(index):
    for text in filter(None, [*ODD, *sample(60, seed=51)]):
        assert_same(index, query_string=text)
        assert_same(index, query_string=text, line_threshold=15, start_line=7)


@pytest.mark.parametrize("line_threshold", [4, 15])
def test_a_query_of_a_file_knows_what_stocks_knows(index, tmp_path, line_threshold):
    for location in write(tmp_path, [*ODD, *sample(40, seed=52), "license mit " * 9000]):
        assert_same(index, location=location, line_threshold=line_threshold)


def test_the_lines_are_those_that_were_read(index, tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes("MIT\n\né license".encode())
    query = Query(location=str(path), idx=index)

    reading = queries.reading_of(query)
    Query(query_string="another", idx=index)

    assert reading == queries.reading_of(query)
    assert reading.lines == [(1, "MIT\n"), (2, "\n"), (3, "é license\n")]
    assert reading.known == [1, 0, 2]
