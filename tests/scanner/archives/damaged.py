"""Archives that contradict themselves, are damaged or empty, and honest ones with odd names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable

from tests.scanner.archives import making
from tests.scanner.archives.cases import (
    EVIL,
    GOOD,
    GOOD_ZIP,
    broken,
    limited,
    refused,
    unpacked,
    zip_and_tar,
)
from tests.scanner.archives.making import Member, Zipped, long_name, pax, tar, zip_

# Archives that contradict themselves, or are two things at once.


_CONTRADICTS = "contradicts itself"
refused("zip: another name in the local header", _CONTRADICTS, lambda: zip_(Zipped(b"good", EVIL, local_name=b"evil")))
refused(
    "zip: another method in the local header", _CONTRADICTS, lambda: zip_(Zipped(b"x", EVIL, method=0, local_method=8))
)
refused("zip: encrypted in the local header only", _CONTRADICTS, lambda: zip_(Zipped(b"x", EVIL, local_flags=1)))
refused("zip: more members than stated", _CONTRADICTS, lambda: zip_(GOOD_ZIP, Zipped(b"evil", EVIL), count=1))
refused("zip: fewer members than stated", _CONTRADICTS, lambda: zip_(GOOD_ZIP, count=2))
refused("zip: two directories", "two directories", lambda: zip_(GOOD_ZIP, comment=zip_(Zipped(b"evil", EVIL))))
# Bit 3 says that the local header does not know the sizes.
refused("zip: content reaches into the directory", "where “x” ends", lambda: _other_sizes(flags=8, packed=5_000))
refused("zip: another size in the directory", _CONTRADICTS, lambda: _other_sizes(size=3))
refused("zip: another checksum in the directory", _CONTRADICTS, lambda: _other_sizes(crc=3))
refused("zip: contradictory zip64 record", _CONTRADICTS, lambda: _two_ends())
refused("zip: part of a split one", "split", lambda: zip_(GOOD_ZIP, disk=1))
refused("zip: in front of another zip", "two archives", lambda: zip_(Zipped(b"evil", EVIL)) + zip_(GOOD_ZIP))
refused("zip: nothing but encrypted files", "Encrypted files", lambda: zip_(Zipped(b"x", EVIL, flags=1)))
refused("rar: encrypted", "is encrypted", lambda: making.rar({"x": EVIL}, flags=0x80))
unpacked(
    "zip: one encrypted file", {"pkg/good"}, "Encrypted files", lambda: zip_(GOOD_ZIP, Zipped(b"pkg/x", EVIL, flags=1))
)
unpacked(
    "zip: unknown method", {"pkg/good"}, "not supported", lambda: zip_(GOOD_ZIP, Zipped(b"pkg/x", EVIL, method=99))
)
refused("zip and tar at once", "two archives at once: zip and tar", zip_and_tar)
refused("zip and ISO at once", "two archives at once: zip and an ISO", lambda: _zip_and_iso())
unpacked(
    "tar.gz and zip at once",
    {"pkg/good"},
    "behind the compressed data",
    lambda: gzip.compress(tar(GOOD)) + zip_(Zipped(b"evil", EVIL)),
)
unpacked(
    "tar behind a tar", {"pkg/good"}, "behind the last entry of a tar", lambda: tar(GOOD) + tar(Member(b"evil", EVIL))
)
unpacked("PDF and zip at once", {"archive.bin"}, "", lambda: b"%PDF-1.4\n" + zip_(GOOD_ZIP, prefix=b"%PDF-1.4\n")[9:])
refused("tar: a file and then a folder", "a file and a folder", lambda: tar(Member(b"a", EVIL), Member(b"a/b", EVIL)))
refused("tar: a folder and then a file", "a file and a folder", lambda: tar(Member(b"a/b", EVIL), Member(b"a", EVIL)))


def _other_sizes(flags: int = 0, **changes: int) -> bytes:
    """Return a zip whose directory says other sizes than its local header."""
    whole = bytearray(zip_(Zipped(b"x", EVIL, method=0, flags=flags)))
    at = whole.index(b"PK\1\2") + {"crc": 16, "packed": 20, "size": 24}[next(iter(changes))]
    whole[at : at + 4] = struct.pack("<L", next(iter(changes.values())))
    return bytes(whole)


def _two_ends() -> bytes:
    whole = zip_(GOOD_ZIP)
    end = whole.index(b"PK\5\6")
    other = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 7, 7, 60, 0)
    return whole[:end] + other + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1) + whole[end:]


def _zip_and_iso() -> bytes:
    """Return a zip with the mark of an ISO image where that belongs, inside its first member."""
    stored = bytearray(60_000)
    at = 32_769 - 30 - 1
    stored[at : at + 5] = b"CD001"
    return zip_(Zipped(b"x", bytes(stored), method=0))


# Damage.

_FILES = {"pkg/a": b"a" * 3_000, "pkg/b": bytes(range(256)) * 20}
_EARLY = "ends too early"


def _cut(data: bytes, keep: float) -> bytes:
    return data[: int(len(data) * keep)]


broken("tar: cut in a header", _EARLY, lambda: tar(GOOD, GOOD)[:1_200])
broken("tar: cut in a file", _EARLY, lambda: making.tar_of(_FILES)[:2_000])
broken("tar: cut after a long name", _EARLY, lambda: tar(GOOD, long_name(b"x" * 200), end=False))
broken("tar.gz: cut", _EARLY, lambda: _cut(gzip.compress(making.tar_of(_FILES)), 0.7))
broken("tar.gz: cut in the header", _EARLY, lambda: gzip.compress(b"x")[:9])
broken("tar.bz2: cut", _EARLY, lambda: _cut(bz2.compress(making.tar_of(_FILES)), 0.7))
broken("tar.xz: cut", _EARLY, lambda: _cut(lzma.compress(making.tar_of(_FILES)), 0.7))
broken("tar.lzma: cut", _EARLY, lambda: _cut(lzma.compress(making.tar_of(_FILES), lzma.FORMAT_ALONE), 0.7))
for _filter in ("zstd", "lz4", "lzip"):
    broken(f"tar.{_filter}: cut", "", lambda f=_filter: _cut(making.by_libarchive("ustar", _FILES, f), 0.7))
broken("zip: cut", _EARLY, lambda: _cut(making.zip_of(_FILES), 0.7))
broken("7z: cut", "", lambda: _cut(making.by_libarchive("7zip", _FILES), 0.7))
broken("cpio: cut", "incomplete", lambda: _cut(making.by_libarchive("cpio_newc", _FILES), 0.6))
broken("iso: cut", "", lambda: _cut(making.by_libarchive("iso9660", _FILES), 0.15))
broken("ar: cut", "", lambda: _cut(making.ar(_FILES), 0.5))
broken("rpm: cut", "", lambda: _cut(making.rpm(_FILES), 0.9))
broken("rar: cut", "", lambda: _cut(making.rar(_FILES), 0.6))
broken("cab: cut", "", lambda: _cut(making.cab(_FILES), 0.6))
broken("xar: cut", _EARLY, lambda: _cut(making.xar(_FILES), 0.9))
broken("tar: wrong checksum of a later header", "checksum", lambda: tar(GOOD, b"q" + making.tar_header(GOOD)[1:], GOOD))
broken("tar: negative size (CVE-2025-8194)", "negative", lambda: tar(GOOD, Member(b"x", size=-512), GOOD))
broken("tar: size of 2^90", _EARLY, lambda: tar(GOOD, _huge_member()))
broken("tar: long name of 4 GB", "very long", lambda: tar(GOOD, Member(b"././@LongLink", type=b"L", size=2**32 - 1)))
broken("tar: no number for a size", "no number", lambda: tar(GOOD, _odd_size(b"12345678xyz\0")))
broken("tar: damaged pax header", "pax", lambda: tar(GOOD, Member(b"x", b"99 path=x\n", b"x"), GOOD))
broken("tar: pax size that is no number", "no number", lambda: tar(GOOD, pax(size=b"-5"), GOOD))
broken("tar: sparse map that goes backwards", "sparse", lambda: tar(making.sparse(b"x", [(5, 1), (0, 1)], 9, b"ab")))
broken("tar: sparse file without its data", "sparse", lambda: tar(making.sparse(b"x", [(0, 99_999)], 99_999, b"ab")))
broken(
    "tar: sparse map without end", "sparse", lambda: tar(pax(GNU__sparse__major=b"1", GNU__sparse__realsize=b"9"), GOOD)
)
broken("gz: wrong checksum", "damaged", lambda: gzip.compress(b"x" * 99)[:-8] + bytes(8))
broken("zip: wrong checksum", "checksum", lambda: zip_(Zipped(b"x", EVIL, crc=1)))
broken("zip: more content than stated", "checksum", lambda: zip_(Zipped(b"x", EVIL * 99, size=5)))
broken("zip: less content than stated", "checksum", lambda: zip_(Zipped(b"x", EVIL, size=99)))
broken("zip: damaged content", "damaged", lambda: zip_(Zipped(b"x", EVIL, packed=b"\xff" * 20)))
broken("zip: no local header", "not where its directory says", lambda: zip_(GOOD_ZIP, Zipped(b"x", EVIL, offset=1)))
broken("zip: directory elsewhere", "directory", lambda: _cut_out(zip_(GOOD_ZIP), 10, 5))
broken("xz: damaged", "damaged", lambda: lzma.compress(b"x" * 99)[:20] + b"\1" * 40)
broken(
    "xar: entities that grow", "entities", lambda: making.xar({}, '<!DOCTYPE x [<!ENTITY a "aaaa">]><xar><toc/></xar>')
)
broken("xar: contents are not XML", "XML", lambda: making.xar({}, "<xar><toc>"))
broken("xar: no contents", "empty", lambda: making.xar({}, "<xar/>"))
broken("xar: negative offset", "no number", lambda: _cut_xar("<offset>-5</offset>"))
limited(
    "lzma: a dictionary of 256 MB",
    "100 MB (the limit unpack_memory)",
    lambda: b"\x5d\0\0\0\x10" + lzma.compress(b"x", lzma.FORMAT_ALONE)[5:],
    unpack_memory=100_000_000,
)


def dictionary(bits: int) -> bytes:
    """Return an lzip file that asks for a dictionary of so many bits."""
    packed = bytearray(making.by_libarchive("ustar", _FILES, "lzip"))
    packed[5] = bits
    return bytes(packed)


limited("lzip: a dictionary of 128 MB", "(the limit unpack_memory)", lambda: dictionary(27), unpack_memory=100_000_000)
broken("lzip: a dictionary of 512 MB", "does not begin as it should", lambda: dictionary(29))


def _huge_member() -> bytes:
    header = bytearray(making.tar_header(Member(b"x")))
    header[124:136] = b"\x80" + (2**87).to_bytes(11, "big")
    return bytes(making.checked(header))


def _odd_size(digits: bytes) -> bytes:
    header = bytearray(making.tar_header(Member(b"x")))
    header[124:136] = digits
    return bytes(making.checked(header))


def _cut_out(data: bytes, at: int, count: int) -> bytes:
    return data[:at] + data[at + count :]


def _cut_xar(offset: str) -> bytes:
    return making.xar(
        {}, f"<xar><toc><file><name>x</name><data>{offset}<size>5</size><length>5</length></data></file></toc></xar>"
    )


# Emptiness.

refused("zip: empty", "no file to scan", lambda: zip_())
refused("7z: empty", "no file to scan", lambda: making.by_libarchive("7zip", {}))
refused("xar: empty", "no file to scan", lambda: making.xar({}))
refused("tar: only a folder", "no file to scan", lambda: tar(Member(b"pkg/", type=b"5")))
unpacked("tar: empty", {"archive.bin"}, "", lambda: bytes(10_240))
unpacked("empty file", {"archive.bin"}, "", lambda: b"")
unpacked("gz: empty", {"archive.bin/archive.bin"}, "", lambda: gzip.compress(b""))

unpacked(
    "ar: a static library",
    {"archive.bin/a.o"},
    "",
    lambda: making.ar({"/": bytes(8), "//": b"long_name.o/\n", "a.o/": b"x"}),
)

# Odd names in archives that mean no harm: the scan goes on.


def _named(name: bytes) -> Callable[[], bytes]:
    return lambda: tar(GOOD, pax(path=b"pkg/" + name), Member(b"x", b"odd"))


for _what, _name, _written in [
    ("control characters", b"a\x01\x1b[31m\n", "a{U+0001}{U+001B}[31m{U+000A}"),
    ("right to left override", "a\u202egnp.exe".encode(), "a{U+202E}gnp.exe"),
    ("zero width space", "a\u200bb".encode(), "a{U+200B}b"),
    ("line separator", "a\u2028b".encode(), "a{U+2028}b"),
    ("C1 control", "a\x9bb".encode(), "a{U+009B}b"),
    ("not UTF-8", b"caf\xe9.txt", "caf{0xE9}.txt"),
    ("overlong UTF-8", b"a\xc0\xafb", "a{0xC0}{0xAF}b"),
    ("surrogate in UTF-8", b"a\xed\xa0\x80b", "a{0xED}{0xA0}{0x80}b"),
    ("backslash", b"a\\b", "a{U+005C}b"),
    ("looks escaped", b"a{0xE9}b{U+202E}", "a{U+007B}0xE9}b{U+007B}U+202E}"),
    ("braces", b"{a}{0x}", "{a}{0x}"),
    ("formula", b"=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ("HTML", b"<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ("spaces", b" a b ", " a b "),
    ("trailing dots", b"a...", "a..."),
    ("three dots", b"...", "..."),
    ("tilde", b"~root", "~root"),
    ("dash", b"-rf", "-rf"),
    ("colon", b"a:b", "a:b"),
    ("Windows device", b"NUL.txt", "NUL.txt"),
    ("emoji with joiner", "👩\u200d💻".encode(), "👩\u200d💻"),
    ("percent", b"foo%20bar%2e%2e", "foo%20bar%2e%2e"),
]:
    unpacked(f"name: {_what}", {"pkg/good", f"pkg/{_written}"}, "", _named(_name))
unpacked(
    "name: case twins",
    {"pkg/README", "pkg/readme"},
    "",
    lambda: tar(Member(b"pkg/README", b"1"), Member(b"pkg/readme", b"2")),
)
unpacked(
    "name: NFC twins",
    {"pkg/caf\u00e9", "pkg/cafe\u0301"},
    "",
    lambda: tar(Member("pkg/caf\u00e9".encode(), b"1"), Member("pkg/cafe\u0301".encode(), b"2")),
)
unpacked(
    "name: three times the same",
    {"pkg/a.txt", "pkg/a_1.txt", "pkg/a_2.txt"},
    "twice were given numbers",
    lambda: tar(*(Member(b"pkg/a.txt", b"%d" % n) for n in range(3))),
)
unpacked(
    "name: twice in a zip",
    {"META-INF/LICENSE", "META-INF/LICENSE_1"},
    "twice",
    lambda: zip_(Zipped(b"META-INF/LICENSE", b"1"), Zipped(b"META-INF/LICENSE", b"2")),
)
unpacked(
    "name: dots and slashes", {"pkg/a/b"}, "", lambda: tar(Member(b".//pkg/./a//b", b"x"), Member(b"./", type=b"5"))
)
unpacked("name: none at all", {"pkg/good"}, "Entries without a name", lambda: tar(GOOD, Member(b".", b"x")))
unpacked("name: long and not UTF-8", None, "were cut", _named(b"\xd6\xd0" * 100 + b".txt"))
unpacked(
    "name: backslashes from Windows",
    {"pkg/a/b"},
    "",
    lambda: zip_(Zipped(b"pkg\\a\\b", b"x", system=0), Zipped(b"pkg\\c", system=0, attributes=0x10)),
)
unpacked(
    "time: before 1970 and after 2200",
    {"pkg/a", "pkg/b"},
    "",
    lambda: tar(_dated(b"pkg/a", -5), _dated(b"pkg/b", 2**60)),
)


def _dated(name: bytes, when: int) -> bytes:
    header = bytearray(making.tar_header(Member(name)))
    header[136:148] = (when % 2**96).to_bytes(12, "big") if when < 0 else b"\x80" + when.to_bytes(11, "big")
    return bytes(making.checked(header))
