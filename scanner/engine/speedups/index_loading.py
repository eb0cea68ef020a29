"""Load ScanCode's license index in the shortest time, ready to be shared by forked children."""

from __future__ import annotations

import gc
from typing import Any

from licensedcode.cache import get_cache

from scanner.engine.speedups import candidates, queries, stock_wanted


def load_index() -> Any:
    """Return ScanCode's license index, loaded once, with all that is derived from it.

    The garbage collector is off meanwhile: unpickling makes millions of objects that all stay, and the collector would
    walk over them again and again. Afterwards they are frozen, so that a forked child does not touch, and thereby
    copy, the pages that they are on.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        index = get_cache().index
        if not stock_wanted():
            candidates.prepare(index)
            queries.prepare(index)
    finally:
        if enabled:
            gc.enable()
    gc.freeze()
    return index
