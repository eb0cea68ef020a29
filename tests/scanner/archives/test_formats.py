"""Every format that can be opened, opened for real."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scanner.archives import making
from tests.scanner.archives.conftest import Place
from tests.scanner.archives.making import WHEN, Item, Member, by_libarchive, tar, tar_of

FILES = {"pkg/README": b"hello\n", "pkg/src/a.py": b"x = 1\n" * 9_000, "pkg/empty": b""}

FORMATS: dict[str, Callable[[], bytes]] = {
    "x.tar": lambda: tar_of(FILES),
    "x-1.0.tar.gz": lambda: gzip.compress(tar_of(FILES)),
    "x.crate": lambda: gzip.compress(tar_of(FILES)),
    "x.tar.bz2": lambda: bz2.compress(tar_of(FILES)),
    "x.tar.xz": lambda: lzma.compress(tar_of(FILES)),
    "x.tar.lzma": lambda: lzma.compress(tar_of(FILES), lzma.FORMAT_ALONE),
    "x.tar.zst": lambda: by_libarchive("ustar", FILES, "zstd"),
    "x.tar.lz4": lambda: by_libarchive("ustar", FILES, "lz4"),
    "x.tar.lz": lambda: by_libarchive("ustar", FILES, "lzip"),
    "x.tar.Z": lambda: by_libarchive("ustar", FILES, "compress"),
    "GNU tar": lambda: making.python_tar(FILES, mode="w", format=tarfile.GNU_FORMAT),
    "pax tar": lambda: making.python_tar(FILES, mode="w", format=tarfile.PAX_FORMAT),
    "libarchive's pax tar": lambda: by_libarchive("pax", FILES),
    "x.zip": lambda: making.zip_of(FILES),
    "stored zip": lambda: making.zip_of(FILES, zipfile.ZIP_STORED),
    "bzip2 zip": lambda: making.zip_of(FILES, zipfile.ZIP_BZIP2),
    "LZMA zip": lambda: making.zip_of(FILES, zipfile.ZIP_LZMA),
    "streamed zip": lambda: by_libarchive("zip", FILES),
    "zipapp": lambda: b"#!/usr/bin/env python3\n" + making.zip_of(FILES),
    "x.7z": lambda: by_libarchive("7zip", FILES),
    "x.iso": lambda: by_libarchive("iso9660", FILES),
    "x.cpio": lambda: by_libarchive("cpio_newc", FILES),
    "old cpio": lambda: by_libarchive("cpio", FILES),
    "x.rpm": lambda: making.rpm(FILES),
    "x.cab": lambda: making.cab({name: data for name, data in FILES.items() if data}),
    "x.rar": lambda: making.rar(FILES),
    "x.rar5": lambda: making.rar5(FILES),
    "x.pkg": lambda: making.xar(FILES),
}


@pytest.mark.parametrize("name", FORMATS)
def test_it_opens_and_keeps_the_time_of_files(name: str, place: Place) -> None:
    unpacked = place.unpack(FORMATS[name](), name)

    expected = {path: data for path, data in FILES.items() if data or name != "x.cab"}
    assert place.contents() == expected
    assert unpacked.root == "pkg"
    assert unpacked.notes == ()
    assert int((place.workspace / "pkg" / "README").stat().st_mtime) == WHEN


def test_it_opens_what_is_in_a_debian_package(place: Place) -> None:
    package = making.ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar.gz": gzip.compress(tar_of({"./control": b"Package: x\n"})),
            "data.tar.xz": lzma.compress(tar_of({"./usr/share/doc/x/copyright": b"MIT\n"})),
        }
    )

    unpacked = place.unpack(package, "x_1.0_all.deb")

    assert unpacked.root == "x_1.0_all"
    contents = place.contents()
    assert contents["x_1.0_all/control.tar.gz-extract/control"] == b"Package: x\n"
    assert contents["x_1.0_all/data.tar.xz-extract/usr/share/doc/x/copyright"] == b"MIT\n"


def test_it_opens_what_is_in_a_gem(place: Place) -> None:
    gem = tar_of({"data.tar.gz": gzip.compress(tar_of({"lib/x.rb": b"x\n"})), "metadata.gz": gzip.compress(b"--- x\n")})

    place.unpack(gem, "x-1.0.gem")

    contents = place.contents()
    assert contents["x-1.0/data.tar.gz-extract/lib/x.rb"] == b"x\n"
    assert contents["x-1.0/metadata.gz-extract/metadata"] == b"--- x\n"


def test_it_opens_archives_in_archives_in_archives(place: Place) -> None:
    inner = making.zip_of({"deep.txt": b"deep"})
    middle = gzip.compress(tar_of({"m/inner.zip": inner}))

    place.unpack(tar_of({"pkg/middle.tgz": middle, "pkg/a": b"a"}))

    assert place.contents()["pkg/middle.tgz-extract/m/inner.zip-extract/deep.txt"] == b"deep"


@pytest.mark.parametrize("name", ["a.docx", "a.odt", "a.epub", "picture.svgz"])
def test_it_leaves_documents_closed_as_extractcode_does(name: str, place: Place) -> None:
    inner = gzip.compress(b"<svg/>") if name.endswith("svgz") else making.zip_of({"content.xml": b"x"})

    place.unpack(tar_of({f"pkg/{name}": inner, "pkg/a": b"a"}))

    assert set(place.contents()) == {f"pkg/{name}", "pkg/a"}


def test_it_leaves_disk_images_closed_inside_an_archive_as_extractcode_does(place: Place) -> None:
    place.unpack(tar_of({"pkg/a.iso": by_libarchive("iso9660", FILES), "pkg/a": b"a"}))

    assert set(place.contents()) == {"pkg/a.iso", "pkg/a"}


def test_a_single_compressed_file_is_named_after_its_archive(place: Place) -> None:
    for name, data in {
        "data.json.gz": gzip.compress(b"{}"),
        "data.json.bz2": bz2.compress(b"{}"),
        "data.json.xz": lzma.compress(b"{}"),
        "data.json.zst": by_libarchive("raw", [Item(b"", b"{}")], "zstd"),
    }.items():
        sub = Place(place.top, place.workspace / name, place.archive)

        unpacked = sub.unpack(data, name)

        assert (unpacked.root, sub.contents()) == ("data.json", {"data.json/data.json": b"{}"})


def test_a_file_that_is_no_archive_becomes_the_root(place: Place) -> None:
    unpacked = place.unpack(b"print()\n", "setup.py")

    assert (unpacked.root, unpacked.files, unpacked.bytes) == ("setup.py", 1, 8)
    assert place.contents() == {"setup.py": b"print()\n"}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("../../evil", ".._.._evil"),
        ("..", "download"),
        ("", "download"),
        ("a\n\\b", "a{U+000A}{U+005C}b"),
        ("\ud800", "{0xED}{0xA0}{0x80}"),
    ],
)
def test_the_name_of_the_download_cannot_lead_elsewhere(name: str, written: str, place: Place) -> None:
    before = place.outside()

    unpacked = place.unpack(b"text", name)

    assert unpacked.root == written
    assert place.contents() == {written: b"text"}
    assert place.outside() == before


def test_content_decides_what_it_is_and_not_the_name(place: Place) -> None:
    unpacked = place.unpack(b"<html>not found</html>", "release.zip")

    assert (unpacked.root, place.contents()) == ("release.zip", {"release.zip": b"<html>not found</html>"})


@pytest.mark.parametrize(
    "text",
    [
        b"070701 is the magic of cpio\n" * 20,
        b"BZh is how bzip2 begins",
        b"PK are my initials",
        b"!<arch> is not it\n",
        b"\x1f\x9d",
    ],
)
def test_a_text_that_begins_like_an_archive_is_a_text(text: bytes, place: Place) -> None:
    place.unpack(text, "notes.txt")

    assert place.contents() == {"notes.txt": text}


def test_files_beside_each_other_get_a_folder_named_after_the_archive(place: Place) -> None:
    unpacked = place.unpack(making.zip_of({"a.py": b"1", "b/c.py": b"2"}), "thing-2.0-py3-none-any.whl")

    assert unpacked.root == "thing-2.0-py3-none-any"
    assert set(place.contents()) == {"thing-2.0-py3-none-any/a.py", "thing-2.0-py3-none-any/b/c.py"}


def test_a_hard_link_becomes_a_copy(place: Place) -> None:
    place.unpack(tar(Member(b"pkg/a", b"same"), Member(b"pkg/b", type=b"1", target=b"pkg/a")))

    assert place.contents() == {"pkg/a": b"same", "pkg/b": b"same"}


def test_a_checksum_of_signed_characters_fits_as_well(unpacks: Callable[[bytes], dict[str, bytes]]) -> None:
    """Some old writers of tar added the bytes of a header up as signed characters."""
    packed = bytearray(tar(Member("pkg/é".encode(), b"x"), Member(b"pkg/b", b"y")))
    assert max(packed[:512]) > 127
    packed[148:156] = b" " * 8
    packed[148:156] = b"%06o\0 " % sum(byte - 256 * (byte > 127) for byte in packed[:512])

    assert unpacks(bytes(packed)) == {"pkg/é": b"x", "pkg/b": b"y"}


def test_sparse_files_of_every_kind_are_filled(place: Place) -> None:
    packed = tar(
        making.sparse(b"pkg/old", [(3, 2)], 8, b"ab"),
        making.pax(GNU__sparse__size=b"8", GNU__sparse__map=b"3,2"),
        Member(b"pkg/pax01", b"ab"),
        making.pax(GNU__sparse__size=b"8", GNU__sparse__offset=b"3", GNU__sparse__numbytes=b"2"),
        Member(b"pkg/pax00", b"ab"),
        making.pax(
            GNU__sparse__major=b"1", GNU__sparse__minor=b"0", GNU__sparse__realsize=b"8", GNU__sparse__name=b"pkg/pax10"
        ),
        Member(b"x", b"1\n3\n2\n".ljust(512, b"\0") + b"ab"),
    )

    place.unpack(packed)

    assert place.contents() == dict.fromkeys(("pkg/old", "pkg/pax01", "pkg/pax00", "pkg/pax10"), b"\0\0\0ab\0\0\0")


def test_several_compressed_members_are_one_file(place: Place) -> None:
    for name, compress in {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.items():
        sub = Place(place.top, place.workspace / name, place.archive)

        sub.unpack(compress(b"one ") + compress(b"two") + bytes(512), "x." + name)

        assert sub.contents() == {"x/x": b"one two"}


def test_a_zip_may_use_the_large_forms_of_its_records(place: Place) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, archive.open("pkg/a", "w", force_zip64=True) as member:
        member.write(b"text")

    place.unpack(making.with_large_end(packed.getvalue()))

    assert place.contents() == {"pkg/a": b"text"}


def test_the_same_archive_gives_the_same_tree(place: Place) -> None:
    def snapshot(workspace: Path) -> list[tuple[str, int]]:
        return sorted((str(path.relative_to(workspace)), path.stat().st_mtime_ns) for path in workspace.rglob("*"))

    data = tar(Member(b"pkg/a.gz", gzip.compress(b"x")), Member(b"pkg/folder/b", b"y"))
    first, second = (Place(place.top, place.workspace / name, place.archive) for name in ("first", "second"))

    first.unpack(data)
    second.unpack(data)

    assert snapshot(first.workspace) == snapshot(second.workspace)
