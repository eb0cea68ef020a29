"""Remember what becomes of a licence expression.

The same few expressions are parsed, checked and written again for each file and package. The result depends on nothing
but the text, the options and the licences, which do not change while a process runs; it is a text, which nobody can
change either, a new list of texts, or, in ``licensedcode.detection``, an object of which that module only makes a text.
Expressions that are not texts, and those that raise an error, are worked on each time.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from license_expression import Licensing
from licensedcode import cache, detection
from packagedcode import utils

from scanner.engine.speedups import Replacement

EXPRESSIONS_REMEMBERED = 10_000

_stock_build_spdx_license_expression = cache.build_spdx_license_expression
_stock_combine_expressions = utils.combine_expressions
_DEFAULT_LICENSING = utils._LICENSING
_stock_combine_of_detection = detection.combine_expressions
_stock_license_keys = Licensing.license_keys
_DEFAULT_OF_DETECTION = inspect.signature(_stock_combine_of_detection).parameters["licensing"].default


@lru_cache(EXPRESSIONS_REMEMBERED)
def _spdx(expression: str, licensing: Any) -> Any:
    return _stock_build_spdx_license_expression(expression, licensing)


def build_spdx_license_expression(license_expression: Any, licensing: Any = None) -> Any:
    """Return the SPDX form of an expression. Raise InvalidLicenseKeyError for unknown licences."""
    if isinstance(license_expression, str):
        return _spdx(license_expression, licensing)
    return _stock_build_spdx_license_expression(license_expression, licensing)


@lru_cache(EXPRESSIONS_REMEMBERED)
def _combined(expressions: tuple[str, ...], as_list: bool, relation: str, unique: bool, licensing: Any) -> Any:
    return _stock_combine_expressions(list(expressions) if as_list else expressions, relation, unique, licensing)


def combine_expressions(
    expressions: Any, relation: str = "AND", unique: bool = True, licensing: Any = _DEFAULT_LICENSING
) -> Any:
    """Return one expression for several, or None if there are none."""
    if type(expressions) in (list, tuple) and all(type(each) is str for each in expressions):
        return _combined(tuple(expressions), type(expressions) is list, relation, unique, licensing)
    return _stock_combine_expressions(expressions, relation, unique, licensing)


@lru_cache(EXPRESSIONS_REMEMBERED)
def _combined_of_detection(expressions: tuple[str, ...], relation: str, unique: bool, licensing: Any) -> Any:
    return _stock_combine_of_detection(expressions, relation, unique, licensing)


def combine_expressions_of_detection(
    expressions: Any, relation: str = "AND", unique: bool = True, licensing: Any = _DEFAULT_OF_DETECTION
) -> Any:
    """Return one parsed expression for several, or None if there are none."""
    if type(expressions) in (list, tuple) and all(type(each) is str for each in expressions):
        return _combined_of_detection(tuple(expressions), relation, unique, licensing)
    return _stock_combine_of_detection(expressions, relation, unique, licensing)


@lru_cache(EXPRESSIONS_REMEMBERED)
def _keys(licensing: Licensing, expression: str, unique: bool) -> tuple[str, ...]:
    return tuple(_stock_license_keys(licensing, expression, unique))


def license_keys(self: Licensing, expression: Any, unique: bool = True, **kwargs: Any) -> list[str]:
    """Return the keys of the licences in an expression, in its order. Raise ExpressionError if it is none."""
    if type(expression) is str and not kwargs:
        return list(_keys(self, expression, unique))
    return _stock_license_keys(self, expression, unique, **kwargs)


REPLACEMENTS = (
    Replacement(
        "licensedcode.cache",
        "build_spdx_license_expression",
        "0bb85eb08e047aed",
        build_spdx_license_expression,
        also_in=(
            "licensedcode.detection",
            "packagedcode.build",
            "packagedcode.licensing",
            "packagedcode.plugin_package",
        ),
        relies_on={
            "licensedcode.cache:validate_spdx_license_keys": "92de01de021050b4",
            "licensedcode.cache:get_licensing": "ca850a8b1bdf2277",
        },
    ),
    Replacement(
        "packagedcode.utils",
        "combine_expressions",
        "01bf5c16ebde4d98",
        combine_expressions,
        also_in=(
            "packagedcode.alpine",
            "packagedcode.debian_copyright",
            "packagedcode.licensing",
            "summarycode.score",
            "summarycode.summarizer",
        ),
    ),
    Replacement(
        "licensedcode.detection",
        "combine_expressions",
        "0f75c3d8598a3e4e",
        combine_expressions_of_detection,
        relies_on={"licensedcode.detection:": "a52230bc53e32d4d"},
    ),
    Replacement(
        "license_expression",
        "Licensing.license_keys",
        "66b20cedf4fc2e8c",
        license_keys,
        relies_on={
            "license_expression:Licensing.license_symbols": "ea95052f4368dea5",
            "license_expression:Licensing._keys": "19b8241e37f61cd8",
            "license_expression:Licensing.parse": "8c1086249ce313ad",
        },
    ),
)
