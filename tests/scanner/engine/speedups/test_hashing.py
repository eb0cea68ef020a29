import os

import pytest
from commoncode import hash

from scanner.engine.speedups import hashing
from scanner.engine.speedups.hashing import multi_checksums

from .stock import stock

NAMES = ("sha1", "md5", "sha256", "sha1_git")


@pytest.mark.parametrize("content", [b"", b"x", b"hello\n", bytes(range(256)) * 999])
def test_the_digests_are_stocks(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    for names in (NAMES, ("sha512", "sha384"), ()):
        found = multi_checksums(str(path), names)

        assert found == stock("commoncode.hash").multi_checksums(str(path), names)
        assert tuple(found) == names
    assert multi_checksums(str(path)) == stock("commoncode.hash").multi_checksums(str(path))


def test_what_is_no_file_has_none(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("", "link", "pipe", "missing"):
        assert multi_checksums(str(tmp_path / name), NAMES) == dict.fromkeys(NAMES)


def test_a_large_file_is_left_to_stock(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(hash, "FILE_CHUNK_SIZE", 99)
    monkeypatch.setattr(hashing, "_stock_multi_checksums", lambda location, names: {"asked": location})

    assert multi_checksums(str(path), NAMES) == {"asked": str(path)}


def test_a_name_that_is_unknown_is_refused_as_by_stock(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match="Unknown checksum"):
        multi_checksums(str(path), ("crc",))
