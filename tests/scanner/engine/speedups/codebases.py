"""What made-up codebases are made of: see the fixture ``codebases``."""

import attr

ATTRIBUTES = {
    "findings": attr.ib(default=attr.Factory(list)),
    "notes": attr.ib(default=attr.Factory(dict)),
    "kind": attr.ib(default=None),
}
NAMES = ["a", "B", "b.txt", ".git-like", "Z z", "é", "x\\y", "_", "c.tar.gz", "1", "README", "readme", ".hidden"]


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
