"""Archives that unpack to too much: by ratio, count, depth, overlap and nesting."""

from __future__ import annotations

import gzip
import zlib

from tests.scanner.archives import making
from tests.scanner.archives.cases import (
    EVIL,
    GOOD,
    GOOD_ZIP,
    limited,
    link,
    refused,
    unpacked,
    zeros,
    zip_and_tar,
)
from tests.scanner.archives.making import Item, Member, Zipped, long_name, pax, tar, zip_
from tests.scanner.archives.quine import quine

_SMALL = {"unpacked_bytes": 1_000_000}


limited("tar.gz: a gigabyte of zeros", "more than 200 times", lambda: gzipped_zeros(1_000_000_000))
limited("zip: 110 MB of zeros", "more than 200 times", lambda: zip_(Zipped(b"x", zeros(110_000_000))))
limited(
    "zstd: 110 MB of zeros", "200 times", lambda: making.by_libarchive("raw", [Item(b"", zeros(110_000_000))], "zstd")
)


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)


def gzipped_zeros(count: int) -> bytes:
    """Return a tar.gz of one file of zeros, made from as little of it as possible."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    header = making.tar_header(Member(b"zeros", size=count))
    packed = compressor.compress(header) + compressor.flush(zlib.Z_FULL_FLUSH)
    # After a full flush a block does not depend on what came before: the same bytes again are the same zeros again.
    repeating = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = repeating.compress(bytes(10_000_000)) + repeating.flush(zlib.Z_FULL_FLUSH)
    return packed + block * (count // 10_000_000)


limited(
    "tar: more bytes than allowed",
    "1 MB (the limit unpacked_bytes)",
    lambda: tar(Member(b"x", zeros(2_000_000))),
    **_SMALL,
)
limited(
    "zip: more bytes than allowed",
    "1 MB (the limit unpacked_bytes)",
    lambda: zip_(Zipped(b"x", zeros(2_000_000))),
    **_SMALL,
)
limited("plain file: more bytes than allowed", "1 MB (the limit", lambda: b"text\n" * 400_000, **_SMALL)
limited(
    "tar: hard links that multiply",
    "unpacked_bytes",
    lambda: tar(Member(b"x", zeros(300_000)), *(Member(b"x%d" % n, type=b"1", target=b"x") for n in range(5))),
    **_SMALL,
)
limited(
    "tar.gz: hard links that multiply",
    "more than 200 times",
    lambda: _gzipped(
        tar(Member(b"x", zeros(30_000_000)), *(Member(b"x%d" % n, type=b"1", target=b"x") for n in range(9)))
    ),
)
limited(
    "tar.gz: much that is not kept",
    "1 MB (the limit unpacked_bytes), with what is not kept",
    lambda: gzip.compress(tar(GOOD, *(Member(b"x", zeros(900_000), b"D") for _ in range(3)))),
    **_SMALL,
)
limited(
    "nested: bombs that are small each",
    "more than 200 times",
    lambda: tar(GOOD, *(Member(b"%d.gz" % n, _gzipped(zeros(55_000_000))) for n in range(2))),
)
limited(
    "tar: many empty files",
    "250 files",
    lambda: gzip.compress(tar(*(Member(b"f%d" % n) for n in range(300)))),
    unpacked_files=250,
)
limited(
    "zip: many empty files",
    "250 files",
    lambda: zip_(*(Zipped(b"f%d" % n) for n in range(300))),
    unpacked_files=250,
)
limited(
    "tar: many folders",
    "250 folders",
    lambda: tar(*(Member(b"f%d" % n, type=b"5") for n in range(300))),
    unpacked_files=250,
)
limited(
    "tar: many links",
    "250 links",
    lambda: tar(*(link(b"f%d" % n, b"x") for n in range(300))),
    unpacked_files=250,
)
limited(
    "cpio: many empty files",
    "250 files",
    lambda: making.by_libarchive("cpio_newc", {f"f{n}": b"" for n in range(300)}),
    unpacked_files=250,
)
limited(
    "tar: 1,500 levels",
    "100 levels (the limit path_depth)",
    lambda: gzip.compress(tar(pax(path=b"a/" * 1_500 + b"x"), GOOD)),
)
limited("tar: 101 levels of folders", "path_depth", lambda: tar(pax(path=b"a/" * 101), Member(b"x", type=b"5")))
limited("zip: 1,500 levels", "path_depth", lambda: zip_(Zipped(b"a/" * 1_500 + b"x")))
limited(
    "tar: long path", "2,000 bytes (the limit path_bytes)", lambda: tar(pax(path=(b"a" * 100 + b"/") * 21 + b"x"), GOOD)
)
limited("tar: long name", "255 bytes (the limit name_bytes)", lambda: tar(pax(path=b"a" * 256), GOOD))
limited("zip: long name", "255 bytes (the limit name_bytes)", lambda: zip_(Zipped(b"a" * 60_000)))
limited("tar: sparse file of 8 EB", "more than 200 times", lambda: tar(making.sparse(b"x", [], 2**62)))
limited(
    "tar: sparse pax file of 1 EB",
    "more than 200 times",
    lambda: tar(pax(GNU__sparse__size=b"1000000000000000000", GNU__sparse__map=b"0,4"), GOOD),
)
refused(
    "zip: overlapping, the same bytes twice",
    "overlap",
    lambda: zip_(Zipped(b"a", zeros(9_999)), Zipped(b"a", zeros(9_999), offset=0)),
)
refused("zip: overlapping, one inside the other", "overlap", lambda: _quoted_overlap())


def _quoted_overlap() -> bytes:
    """Return a zip whose first member's stored content is the second member, header and all (Fifield 2019)."""
    inner = zip_(Zipped(b"b", zeros(5_000)))
    local = inner[: inner.index(b"PK\1\2")]
    return zip_(Zipped(b"a", local, method=0), Zipped(b"b", zeros(5_000), offset=31, packed=local[31:]))


# Archives in archives.


def _nested(levels: int, content: bytes) -> bytes:
    for level in range(levels):
        content = zip_(Zipped(b"%d.zip" % level, content))
    return content


def wide(levels: int) -> bytes:
    """Return the shape of 42.zip: ten zips in each zip, all the same, zeros at the bottom."""
    content = zip_(Zipped(b"0", zeros(300_000)))
    for _ in range(levels):
        content = zip_(*(Zipped(b"%d.zip" % n, content) for n in range(10)))
    return content


unpacked("nested: twelve levels", None, "deeper than 5 levels (the limit nested_archives)", lambda: _nested(12, b"x"))
unpacked("nested: a zip that holds itself", None, "deeper than 5 levels", quine)
limited("nested: 42.zip, bytes", "the limit unpacked_bytes", lambda: wide(3), unpacked_bytes=20_000_000)
limited("nested: 42.zip, files", "the limit unpacked_files", lambda: wide(3), unpacked_files=250)
unpacked(
    "nested: a bomb in a package",
    {"pkg/good", "pkg/bomb.zip"},
    "Left closed. The archive unpacks to more than 200 times",
    lambda: tar(GOOD, Member(b"pkg/bomb.zip", zip_(Zipped(b"x", zeros(110_000_000))))),
)
unpacked(
    "nested: bombs do not use up what is left",
    {"pkg/good", "pkg/1.zip", "pkg/2.zip"},
    "Left closed. The archive unpacks to more than 200 times",
    lambda: tar(GOOD, *(Member(b"pkg/%d.zip" % n, zip_(Zipped(b"x", zeros(110_000_000)))) for n in (1, 2))),
    unpacked_bytes=150_000_000,
)
unpacked(
    "nested: traversal",
    {"pkg/good", "pkg/a.tar"},
    "Left closed. A name in the archive points out",
    lambda: tar(GOOD, Member(b"pkg/a.tar", tar(Member(b"first", b"1"), Member(b"../../evil", EVIL)))),
)
unpacked(
    "nested: damaged",
    {"pkg/good", "pkg/a.zip"},
    "Left closed. The archive ends too early",
    lambda: tar(GOOD, Member(b"pkg/a.zip", zip_(GOOD_ZIP)[:40])),
)
unpacked(
    "nested: two kinds at once",
    {"pkg/good", "pkg/a.zip"},
    "two archives at once",
    lambda: tar(GOOD, Member(b"pkg/a.zip", zip_and_tar())),
)
unpacked(
    "nested: its folder's name is taken",
    {"pkg/a.gz", "pkg/a.gz-extract", "pkg/a.gz-extract_2/a"},
    "",
    lambda: tar(Member(b"pkg/a.gz", gzip.compress(b"x")), Member(b"pkg/a.gz-extract", b"y")),
)
unpacked(
    "nested: its folder's name would be too long",
    {"pkg/" + "a" * 250 + ".gz"},
    "name_bytes",
    lambda: tar(long_name(b"pkg/" + b"a" * 250 + b".gz"), Member(b"x", gzip.compress(b"x"))),
)
unpacked(
    "nested: an encrypted zip",
    {"pkg/good", "pkg/a.zip"},
    "Encrypted files were left out",
    lambda: tar(GOOD, Member(b"pkg/a.zip", zip_(Zipped(b"x", EVIL, flags=1)))),
)
