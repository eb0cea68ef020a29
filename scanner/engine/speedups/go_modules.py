"""Read the modules of a ``go.sum`` once each, without comparing each with all before it.

Stock looks for each line's module in the list of those that it has, so a lock file of thousands of lines takes time in
the square of their number. Two modules of this list are equal if namespace, name and version are: all else of them has
its default. Here these three are looked up in a dict, which keeps the order, too.
"""

from __future__ import annotations

from typing import Any

from packagedcode import go_mod

from scanner.engine.speedups import Replacement


def parse_gosum(location: str) -> list[Any]:
    """Return the modules of a lock file in their order, each once. Raise AttributeError at a line that is none."""
    with open(location, encoding="utf-8") as lines:  # noqa: PTH123 - a location is a text.
        # All of them first, as in stock: what is not UTF-8 is an error before any line is.
        found = [go_mod.get_dependency(line.replace("/go.mod", "")) for line in lines.readlines()]
    modules: dict[tuple[str, str, str], Any] = {}
    for module in found:
        namespace, _, name = module.group("ns_name").rpartition("/")
        version = module.group("version")
        key = namespace, name, version
        if key not in modules:
            modules[key] = go_mod.GoModule(namespace=namespace, name=name, version=version)
    return list(modules.values())


REPLACEMENTS = (
    Replacement(
        module="packagedcode.go_mod",
        name="parse_gosum",
        digest="6265e2ec3418e79a",
        function=parse_gosum,
        relies_on={"packagedcode.go_mod:GoModule": "e45145edd8fb46d2"},
    ),
)
