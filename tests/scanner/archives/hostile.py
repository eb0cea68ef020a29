"""Archives that try to leave their folder: by names, links and devices."""

from __future__ import annotations

import struct
import zlib
from functools import cache

from tests.scanner.archives import making
from tests.scanner.archives.cases import (
    EVIL,
    GOOD,
    GOOD_ZIP,
    link,
    refused,
    unpacked,
)
from tests.scanner.archives.making import Item, Member, Zipped, long_name, pax, tar, zip_

# Names that point elsewhere, in every format that has names.

_OUTSIDE = {
    "parent": (b"../evil", "points out of its folder"),
    "grandparent": (b"pkg/../../evil", "points out of its folder"),
    "many parents": (b"../" * 30 + b"tmp/evil", "points out of its folder"),
    "parent at the end": (b"pkg/..", "points out of its folder"),
    "parent with backslashes": (b"..\\evil", "points out of its folder"),
    "mixed separators": (b"pkg/..\\../evil", "points out of its folder"),
    "absolute": (b"/tmp/evil", "is absolute"),
    "drive": (b"C:/evil", "is absolute"),
    "drive with backslash": (b"C:\\evil", "is absolute"),
    "network share": (b"\\\\server\\share\\evil", "is absolute"),
}

for _what, (_name, _says) in _OUTSIDE.items():
    refused(f"tar: {_what}", _says, lambda n=_name: tar(GOOD, Member(n, EVIL)))
for _what in ("parent", "absolute"):
    _name, _says = _OUTSIDE[_what]
    refused(f"tar: folder, {_what}", _says, lambda n=_name: tar(GOOD, Member(n, type=b"5")))
    refused(f"zip: {_what}", _says, lambda n=_name: zip_(GOOD_ZIP, Zipped(n, EVIL)))
    refused(f"cpio: {_what}", _says, lambda n=_name: making.by_libarchive("cpio_newc", [Item(n, EVIL)]))
    refused(f"7z: {_what}", _says, lambda n=_name: making.by_libarchive("7zip", [Item(n, EVIL)]))
    refused(f"rpm: {_what}", _says, lambda n=_name: making.rpm({n.decode(): EVIL}))
    refused(f"xar: {_what}", _says, lambda n=_name: making.xar({n.decode().replace("/", "&#47;"): EVIL}))
    refused(f"tar: long name, {_what}", _says, lambda n=_name: tar(GOOD, long_name(n), Member(b"pkg/x", EVIL)))
    refused(f"tar: pax name, {_what}", _says, lambda n=_name: tar(GOOD, pax(path=n), Member(b"pkg/x", EVIL)))
refused("zip: backslashes from Windows", "points out", lambda: zip_(GOOD_ZIP, Zipped(b"..\\evil", EVIL, system=0)))
refused("rar5: parent", "points out of its folder", lambda: making.rar5({"../evil": EVIL}))
refused("rar: parent", "points out of its folder", lambda: making.rar({"../evil": EVIL}))
refused("cab: parent", "points out of its folder", lambda: making.cab({"..\\evil": EVIL}))
refused("ar: parent", "points out of its folder", lambda: making.ar({"..": EVIL}))
refused("tar: NUL in a pax name", "NUL", lambda: tar(GOOD, pax(path=b"pkg/x\0.txt"), Member(b"pkg/x", EVIL)))
refused("zip: NUL in a name", "NUL", lambda: zip_(GOOD_ZIP, Zipped(b"pkg/x\0.txt", EVIL)))
refused(
    "zip: another name in an extra field",
    "points out of its folder",
    lambda: zip_(GOOD_ZIP, Zipped(b"x", EVIL, extra=_unicode_path(b"x", b"../evil"))),
)


def _unicode_path(name: bytes, other: bytes) -> bytes:
    return struct.pack("<2HBL", 0x7075, 5 + len(other), 1, zlib.crc32(name)) + other


# Links and devices.


_THROUGH = "writes through a symbolic link"
refused("tar: through a link to /", _THROUGH, lambda: tar(GOOD, link(b"pkg/a", b"/"), Member(b"pkg/a/tmp/evil", EVIL)))
refused("tar: through a link to ..", _THROUGH, lambda: tar(link(b"a", b".."), Member(b"a/evil", EVIL)))
refused("tar: through a link inside", _THROUGH, lambda: tar(GOOD, link(b"a", b"pkg"), Member(b"a/evil", EVIL)))
refused("tar: file in place of a link", _THROUGH, lambda: tar(link(b"a", b"../victim"), Member(b"a", EVIL)))
refused("tar: folder in place of a link", _THROUGH, lambda: tar(link(b"a", b".."), Member(b"a", type=b"5"), GOOD))
refused(
    "tar: links through links",
    _THROUGH,
    lambda: tar(link(b"a", b"."), link(b"a/b", b".."), link(b"a/b/c", b".."), Member(b"a/b/c/evil", EVIL)),
)
refused(
    "tar: hard link out, parent",
    "points out of its folder",
    lambda: tar(GOOD, Member(b"pkg/a", type=b"1", target=b"../../victim")),
)
refused(
    "tar: hard link out, absolute", "is absolute", lambda: tar(GOOD, Member(b"pkg/a", type=b"1", target=b"/etc/passwd"))
)
unpacked(
    "tar: hard link to a link",
    {"pkg/good"},
    "Hard links to files that do not come before",
    lambda: tar(GOOD, link(b"pkg/a", b"/etc/passwd"), Member(b"pkg/b", type=b"1", target=b"pkg/a")),
)
unpacked("tar: link to itself", {"pkg/good"}, "Symbolic links", lambda: tar(GOOD, link(b"pkg/a", b"a")))
unpacked(
    "tar: link out, nothing through it",
    {"pkg/good"},
    "“pkg/a” → “/etc/passwd”",
    lambda: tar(GOOD, link(b"pkg/a", b"/etc/passwd")),
)
unpacked(
    "zip: link out",
    {"pkg/good"},
    "“pkg/a” → “../../victim”",
    lambda: zip_(GOOD_ZIP, _zip_link(b"pkg/a", b"../../victim")),
)
refused("zip: through a link", _THROUGH, lambda: zip_(_zip_link(b"a", b".."), Zipped(b"a/evil", EVIL)))
refused(
    "cpio: through a link",
    _THROUGH,
    lambda: making.by_libarchive("cpio_newc", [Item(b"a", type=0o120000, link=b".."), Item(b"a/evil", EVIL)]),
)
refused(
    "7z: through a link",
    _THROUGH,
    lambda: making.by_libarchive("7zip", [Item(b"a", type=0o120000, link=b".."), Item(b"a/evil", EVIL)]),
)


def _zip_link(name: bytes, target: bytes) -> Zipped:
    return Zipped(name, target, mode=0o120777)


@cache
def _cve_2025_4517() -> bytes:
    """Return links inside links whose names are so long together that realpath gives up on them."""
    step, long = b"d" * 247, b""
    members = []
    for letter in b"abcdefghijklmnop":
        members += [pax(path=long + step), Member(b"x", type=b"5")]
        members += [pax(path=long + bytes([letter])), link(b"x", step)]
        long += bytes([letter]) + b"/"
    members += [pax(path=long + b"l" * 254), link(b"x", b"../" * 16)]
    members += [pax(path=b"escape", linkpath=long + b"l" * 254 + b"/../../victim"), link(b"x", b"")]
    return tar(*members, Member(b"escape", EVIL))


refused("tar: CVE-2025-4517", _THROUGH, _cve_2025_4517)
for _type, _what in ((b"3", "character device"), (b"4", "block device"), (b"6", "pipe")):
    unpacked(f"tar: {_what}", {"pkg/good"}, "Devices, pipes", lambda t=_type: tar(GOOD, Member(b"pkg/x", type=t)))
unpacked("zip: device", {"pkg/good"}, "Devices, pipes", lambda: zip_(GOOD_ZIP, Zipped(b"pkg/x", mode=0o020666)))
unpacked(
    "cpio: pipe",
    {"pkg/good"},
    "Devices",
    lambda: making.by_libarchive("cpio_newc", [Item(b"pkg/good", b"good"), Item(b"x", type=0o010000)]),
)
refused("tar: nothing but devices", "no file to scan", lambda: tar(Member(b"pkg/x", type=b"3")))
refused("tar: nothing but links", "no file to scan", lambda: tar(link(b"a", b"b")))
