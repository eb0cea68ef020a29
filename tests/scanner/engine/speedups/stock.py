"""ScanCode's own modules as they come, whatever has been replaced in this process."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from types import ModuleType


@cache
def stock(name: str, *also: str) -> ModuleType:
    """Return a fresh copy of a module; what it has taken by name from the modules ``also`` is stock's as well."""
    module = _copy(name)
    for other in also:
        for key, value in vars(_copy(other)).items():
            if getattr(value, "__module__", None) == other and key in vars(module):
                setattr(module, key, value)
    return module


def _copy(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    kept = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        if kept is not None:
            sys.modules[name] = kept
        else:
            del sys.modules[name]
    return module
