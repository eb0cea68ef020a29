"""Tell by two looks at a name whether it is that of a community file, as CHANGELOG or AUTHORS.

Stock cleans the seven names that it knows anew for each file, and tries one after the other. The result is the same
because a name that begins or ends with any of several does so with one of them.
"""

from __future__ import annotations

from summarycode import classify

from scanner.engine.speedups import Replacement

_KNOWN = tuple(classify.clean_underscore_dash(name.lower()) for name in classify.COMMUNITY_FILES)


def check_is_community_file(filename: str) -> bool:
    """Tell whether a file's name, with or without its ending, is that of a community file."""
    name = classify.clean_underscore_dash(filename.lower())
    return name.startswith(_KNOWN) or name.endswith(_KNOWN)


REPLACEMENTS = (
    Replacement(
        "summarycode.classify",
        "check_is_community_file",
        "8ea73cb0a08f9db1",
        check_is_community_file,
        relies_on={"summarycode.classify:clean_underscore_dash": "078c2cfe95e18378"},
    ),
)
