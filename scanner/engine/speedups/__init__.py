"""Faster replacements of stock ScanCode functions, each with the same result.

A module of this package replaces one stock function (or a group that only makes sense together), says in its docstring
why the result is the same, and lists what it replaces in ``REPLACEMENTS``. A replacement is used only while the source
of the stock function is the one that it was written against; otherwise the stock function stays, and a warning says so.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger(__name__)

#: Module names in this package, in the order in which they are installed.
MODULES: tuple[str, ...] = (
    "candidates",
    "matchables",
    "spans",
    "queries",
    "matched_text",
    "matches",
    "alignment",
    "exact_matches",
    "magnitudes",
    "lexing",
    "parsing",
    "line_preparation",
    "candidate_lines",
    "file_types",
    "lexer_lookup",
    "binary_check",
    "text_lines",
    "email_and_url_search",
    "markup_check",
    "resources",
    "resource_classes",
    "resource_data",
    "reading_steps",
    "tallies",
    "package_files",
    "legal_siblings",
    "match_data",
    "json_lines",
    "special_files",
    "ignored_paths",
    "community_files",
    "hashing",
    "license_expressions",
    "go_modules",
)


@dataclass(frozen=True)
class Replacement:
    """One stock function and what takes its place."""

    module: str  #: "licensedcode.match_set"
    name: str  #: "compute_candidates", or "Class.method"
    #: source_digest() of the stock function that the replacement was written against; None for a method that stock does
    #: not have or that belongs to a class that `relies_on` names as a whole.
    digest: str | None
    function: Any  #: a function, or a property for a property
    #: Other modules that import the stock function by name.
    also_in: tuple[str, ...] = ()
    #: Further stock code that the replacement takes for granted: {"licensedcode.models:Rule.tokens": digest}.
    relies_on: Mapping[str, str] = field(default_factory=dict)


def source_digest(function: Any) -> str:
    """Return the first 16 hex digits of the SHA-256 of a function's or class's source."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]


def stock_wanted() -> bool:
    """Tell whether SCANNER_STOCK=1 asks for ScanCode's own code everywhere."""
    return os.environ.get("SCANNER_STOCK", "") not in ("", "0")


def install() -> list[str]:
    """Put all replacements in place, once; return "module.name" of each that no longer fits and was left out.

    All are looked at before the first is put in place, so that what one relies on is not seen in the shape that
    another has given it.
    """
    if stock_wanted():
        return []
    digest_of.cache_clear()
    modules = [importlib.import_module(f"{__name__}.{name}") for name in MODULES]
    replacements = [replacement for module in modules for replacement in module.REPLACEMENTS]
    fitting = [replacement for replacement in replacements if _fits(replacement)]
    for replacement in fitting:
        _put_in_place(replacement)
    return [f"{left_out.module}.{left_out.name}" for left_out in replacements if left_out not in fitting]


def _fits(replacement: Replacement) -> bool:
    own = f"{replacement.module}:{replacement.name}"
    if _look_up(own) is replacement.function:
        return True
    own_digest = {own: replacement.digest} if replacement.digest else {}
    for path, digest in {**own_digest, **replacement.relies_on}.items():
        if digest_of(path) != digest:
            log.warning("ScanCode's %s has changed: %s stays as it is, and slow", path, own)
            return False
    return True


def _put_in_place(replacement: Replacement) -> None:
    *classes, name = replacement.name.split(".")
    owner = _look_up(f"{replacement.module}:{'.'.join(classes)}")
    setattr(owner, name, replacement.function)
    for module in replacement.also_in:
        setattr(importlib.import_module(module), name, replacement.function)


@functools.cache  # A class is named by each of its methods.
def digest_of(path: str) -> str:
    """Return the source_digest() of what "package.module:Class.name" stands for."""
    found = _look_up(path)
    return source_digest(getattr(found, "fget", None) or getattr(found, "__func__", found))


def _look_up(path: str) -> Any:
    module, _, names = path.partition(":")
    found: Any = importlib.import_module(module)
    for name in names.split(".") if names else ():
        found = inspect.getattr_static(found, name, None)
    return found
