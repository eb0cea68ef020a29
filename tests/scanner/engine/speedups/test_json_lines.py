import io
import json

import attr
import pytest
from commoncode.resource import Codebase

from scanner.engine.speedups.json_lines import write_lines

from .stock import stock

# ScanCode does not close the folder that it lists.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@attr.s
class Finding:
    value = attr.ib(default=(1, "é"))


VALUES = [
    Finding(),
    {"a": [Finding([Finding()])]},
    (1, {2}),
    {1: {"b": ()}},
    [],
    {},
    None,
    'é\u2028\x00"\\/',
    1.0,
    1e-07,
    10**20,
    True,
    [[], {}],
    {"a": {"b": [1, None]}},
    [{}],
    float("inf"),
]


@pytest.fixture
def codebase(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    for number in range(len(VALUES)):
        (root / f"{number}.txt").write_text("")
    codebase = Codebase(
        str(root),
        resource_attributes={"findings": attr.ib(default=None)},
        codebase_attributes={f"v{number}": attr.ib(default=None) for number in range(len(VALUES))},
    )
    for number, value in enumerate(VALUES):
        setattr(codebase.attributes, f"v{number}", value)
        resource = codebase.get_resource(f"root/{number}.txt")
        resource.findings = value
        resource.save(codebase)
    yield codebase
    codebase.clear()


def written(function, codebase, **options):
    output = io.StringIO()
    function(codebase, output, **options)
    return output.getvalue()


def ours(codebase, output, **options):
    write_lines(None, codebase, output, **options)


def of_stock(codebase, output, **options):
    stock("formattedcode.output_jsonlines").JsonLinesOutput().process_codebase(codebase, output, **options)


@pytest.mark.parametrize("options", [{}, {"info": True}, {"strip_root": True}, {"full_root": True, "timing": True}])
def test_the_lines_are_stocks(codebase, options):
    text = written(ours, codebase, **options)

    assert text == written(of_stock, codebase, **options)
    assert sum("files" in json.loads(line) for line in text.splitlines()) >= len(VALUES)


def test_what_json_cannot_hold_is_refused_as_by_stock(codebase):
    codebase.attributes.v0 = None
    resource = codebase.get_resource("root/0.txt")
    resource.findings = object()
    resource.save(codebase)

    for function in (ours, of_stock):
        with pytest.raises(TypeError, match="not JSON serializable"):
            written(function, codebase)


def test_a_codebase_without_files_to_show_has_no_lines_of_files(codebase):
    for resource in codebase.walk():
        resource.is_filtered = True
        resource.save(codebase)

    text = written(ours, codebase)

    assert text == written(of_stock, codebase)
    assert '"files":' not in text


def test_one_file_at_a_time_is_held(codebase):
    class Pieces(list):
        write = list.append

    pieces = Pieces()
    ours(codebase, pieces)

    assert max(map(len, pieces)) < len("".join(pieces)) / 3
