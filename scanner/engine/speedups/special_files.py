"""Tell by one look at a location whether it is special, as nearly none is.

Stock asks up to eight times: whether it is a file, a link, a folder, a link to nothing, and so on. What ``lstat`` calls
a regular file or a folder is no link, so it is a file or a folder to stock, and not special. All else is left to stock.
Where stock asks the same of the same location twice in a row, the first answer counts.
"""

from __future__ import annotations

import os
import stat
from typing import Any

from commoncode import fileset, filetype, ignore

from scanner.engine.speedups import Replacement

_stock_is_special = filetype.is_special


def is_special(location: Any) -> Any:
    """Tell whether there is neither a regular file nor a folder at a location."""
    try:
        mode = os.lstat(location).st_mode
    except (OSError, ValueError, TypeError):
        return _stock_is_special(location)
    if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and location:
        return False
    return _stock_is_special(location)


def skip_ignored(location: Any) -> Any:
    """Tell whether a location is special or belongs to a version control system."""
    return is_special(location) or not fileset.is_included(location, includes=None, excludes=ignore.ignores_VCS)


REPLACEMENTS = (
    Replacement(
        "commoncode.filetype",
        "is_special",
        "c13eed7052ae4e2b",
        is_special,
        also_in=("commoncode.resource",),
        relies_on={
            "commoncode.filetype:is_regular": "f41f98a20bc4d096",
            "commoncode.filetype:is_file": "5ed72c7d066d3712",
            "commoncode.filetype:is_dir": "b64de894f9f97b3a",
            "commoncode.filetype:is_link": "8a16e43eb0827a83",
            "commoncode.filetype:is_broken_link": "1a235ae72d983f32",
        },
    ),
    Replacement(
        "commoncode.resource",
        "skip_ignored",
        "e43b6b6fe074a2a2",
        skip_ignored,
        relies_on={"commoncode.ignore:is_ignored": "d7509f55d07eaf92"},
    ),
)
