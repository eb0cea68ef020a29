"""What made-up codebases are made of: see the fixture ``codebases``."""

import attr
import commoncode.resource

ATTRIBUTES = {
    "findings": attr.ib(default=attr.Factory(list)),
    "notes": attr.ib(default=attr.Factory(dict)),
    "kind": attr.ib(default=None),
}
NAMES = ["a", "B", "b.txt", ".git-like", "Z z", "é", "x\\y", "_", "c.tar.gz", "1", "README", "readme", ".hidden"]


def put_in(monkeypatch, replacements):
    """Let ``commoncode.resource`` have these replacements for the time of a test."""
    for replacement in replacements:
        owner, _, name = replacement.name.rpartition(".")
        target = getattr(commoncode.resource, owner) if owner else commoncode.resource
        monkeypatch.setattr(target, name, replacement.function)


@attr.s
class Finding:
    value = attr.ib(default=1)
    more = attr.ib(default=(1, 2))


VALUES = [
    [],
    {},
    "x",
    1,
    None,
    [1, {"a": (1, 2)}],
    {"k": [Finding()], 3: {4}},
    Finding(),
    {(1, 2): "x"},
    ("a", ["b"]),
    True,
]
