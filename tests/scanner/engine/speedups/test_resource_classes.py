import attr
import commoncode.resource
import pytest
from commoncode.resource import Codebase, _CodebaseAttributes

from scanner.engine.speedups import resource_classes

from .codebases import put_in
from .stock import stock

# ScanCode does not close the folder that it lists.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def in_place(monkeypatch):
    put_in(monkeypatch, resource_classes.REPLACEMENTS)


def attributes():
    return {"findings": attr.ib(default=attr.Factory(list)), "kind": attr.ib(default=None)}


def described(cls):
    """Return all that matters of a class, with names for the functions of a module that was loaded twice."""

    def plain(value):
        made_by = value.factory if isinstance(value, attr.Factory) else value
        return getattr(made_by, "__qualname__", made_by)

    fields = [
        (field.name, plain(field.default), plain(field.converter), dict(field.metadata), field.type, field.repr)
        for field in attr.fields(cls)
    ]
    return cls.__name__, [base.__name__ for base in cls.__mro__], fields, cls.__slots__


def test_the_classes_are_those_of_stock(tmp_path):
    declared = attributes()
    ours, stocks = (
        module.Codebase(str(tmp_path), resource_attributes=declared, codebase_attributes=declared)
        for module in (commoncode.resource, stock("commoncode.resource"))
    )

    assert described(ours.resource_class) == described(stocks.resource_class)
    assert described(type(ours.attributes)) == described(type(stocks.attributes))
    assert [field.name for field in attr.fields(ours.resource_class)][-2:] == ["findings", "kind"]


def test_a_class_is_made_once_for_the_same_attributes_and_anew_for_others(tmp_path):
    declared = attributes()
    first, second = (Codebase(str(tmp_path), resource_attributes=dict(declared)) for _ in range(2))
    other = Codebase(str(tmp_path), resource_attributes=attributes())
    fewer = Codebase(str(tmp_path), resource_attributes={"kind": declared["kind"]})
    none = Codebase(str(tmp_path))

    assert first.resource_class is second.resource_class
    assert len({each.resource_class for each in (first, other, fewer, none)}) == 4
    assert _CodebaseAttributes.from_attributes(declared) is _CodebaseAttributes.from_attributes(declared)
    assert _CodebaseAttributes.from_attributes(declared) is not first.resource_class


def test_codebases_of_one_class_share_nothing(tmp_path):
    declared = attributes()
    first, second = (Codebase(str(tmp_path), codebase_attributes=declared, resource_attributes=declared) for _ in "ab")

    first.attributes.findings.append("x")
    first.root.findings.append("y")

    assert second.attributes.findings == second.root.findings == []
