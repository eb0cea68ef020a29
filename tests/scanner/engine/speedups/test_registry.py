import sys
import types

import pytest

from scanner.engine import speedups
from scanner.engine.speedups import Replacement, digest_of, install


def shout(text):
    return text.upper()


def louder(text):
    return text.upper() + ""


STOCK = {"shout": shout}


@pytest.fixture
def stock(monkeypatch):
    """Two modules that stand for ScanCode, one of which imports a function from the other by name."""
    monkeypatch.delenv("SCANNER_STOCK", raising=False)
    for name in ("stock_one", "stock_two"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        vars(sys.modules[name]).update(STOCK)
    return sys.modules["stock_one"]


@pytest.fixture
def replacing(monkeypatch):
    """Make the registry hold one replacement of stock_one.shout, with some of its fields changed."""

    def put(**changes):
        replacement = Replacement(
            **{
                "module": "stock_one",
                "name": "shout",
                "digest": digest_of("stock_one:shout"),
                "function": louder,
                "also_in": ("stock_two",),
                **changes,
            }
        )
        name = "scanner.engine.speedups.trial"
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(REPLACEMENTS=(replacement,)))
        monkeypatch.setattr(speedups, "MODULES", ("trial",))

    return put


def test_a_replacement_takes_the_place_wherever_the_stock_function_is_named(stock, replacing):
    replacing()

    assert install() == []
    assert stock.shout is sys.modules["stock_two"].shout is louder


def test_it_can_be_installed_twice(stock, replacing):
    replacing()
    install()

    assert install() == []
    assert stock.shout is louder


def test_it_leaves_a_function_that_has_changed(stock, replacing, caplog):
    replacing(digest="0" * 16)

    assert install() == ["stock_one.shout"]
    assert stock.shout is shout
    assert "stock_one:shout has changed" in caplog.text


def test_it_leaves_a_function_if_something_that_the_replacement_relies_on_has_changed(stock, replacing):
    replacing(relies_on={"stock_two:shout": "0" * 16})

    assert install() == ["stock_one.shout"]
    assert stock.shout is shout


def test_stock_can_be_asked_for(stock, replacing, monkeypatch):
    replacing()
    monkeypatch.setenv("SCANNER_STOCK", "1")

    assert install() == []
    assert stock.shout is shout


def test_all_replacements_fit_the_installed_scancode():
    for name in speedups.MODULES:
        module = __import__(f"scanner.engine.speedups.{name}", fromlist=["REPLACEMENTS"])
        for replacement in module.REPLACEMENTS:
            assert speedups._fits(replacement), replacement.name
