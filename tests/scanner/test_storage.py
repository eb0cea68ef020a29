"""Storage: what is kept is whole, is found again, and goes when it is told to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanner.errors import NotStored
from scanner.storage import FolderStorage, open_storage


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


def test_it_keeps_a_file_after_the_original_is_gone(storage, file):
    storage.put("sources/ab/abcd", file)
    file.unlink()

    assert storage.exists("sources/ab/abcd")
    assert storage.size("sources/ab/abcd") == 7
    with storage.open("sources/ab/abcd") as kept:
        assert kept.read() == b"content"
    with storage.local("sources/ab/abcd") as path:
        assert path.read_bytes() == b"content"


def test_a_second_put_replaces(storage, file, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"new")
    storage.put("a/b", file)

    with storage.open("a/b") as before:
        storage.put("a/b", other)

        assert before.read() == b"content"  # whoever was reading reads on
    with storage.open("a/b") as after:
        assert after.read() == b"new"


def test_putting_the_same_file_twice_leaves_one(storage, file, tmp_path):
    storage.put("a/b", file)
    storage.put("a/b", file)

    assert [path.name for path in (tmp_path / "storage" / "a").iterdir()] == ["b"]


def test_it_copies_where_it_cannot_link(storage, file, monkeypatch):
    def link(*_arguments: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)

    storage.put("a/b", file)

    assert storage.size("a/b") == 7


@pytest.mark.parametrize("step", ["link", "fsync", "replace"])
def test_a_put_that_fails_leaves_what_was_there(storage, file, tmp_path, monkeypatch, step):
    storage.put("a/b", file)
    other = tmp_path / "other"
    other.write_bytes(b"new")

    def fail(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path if step == "replace" else os, step, fail)
        patch.setattr("shutil.copyfile", fail)
        with pytest.raises(OSError, match="No space"):
            storage.put("a/b", other)

    with storage.open("a/b") as kept:
        assert kept.read() == b"content"
    assert [path.name for path in (tmp_path / "storage" / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("act", ["open", "local"])
@pytest.mark.parametrize("key", ["a/c", "a", "a/b/c"])
def test_it_says_that_nothing_is_kept(storage, file, act, key):
    storage.put("a/b", file)

    def read() -> None:
        with getattr(storage, act)(key):
            pass

    with pytest.raises(NotStored, match=f"Nothing is kept under {key}"):
        read()
    assert not storage.exists(key)


def test_it_deletes_a_key_and_what_is_below_it_and_nothing_else(storage, file, tmp_path):
    for key in ("s/a/1", "s/a/2/3", "s/ab", "t"):
        storage.put(key, file)

    storage.delete("s/a")
    storage.delete("t")
    storage.delete("never/was")

    assert [storage.exists(key) for key in ("s/a/1", "s/a/2/3", "s/ab", "t")] == [False, False, True, False]
    assert sorted(path.name for path in (tmp_path / "storage").rglob("*")) == ["ab", "s"]


def test_deleting_a_key_leaves_no_empty_folder(storage, file, tmp_path):
    storage.put("s/a/1", file)

    storage.delete("s/a/1")

    assert list((tmp_path / "storage").iterdir()) == []


def test_what_cannot_be_deleted_does_not_seem_to_be(storage, file, monkeypatch):
    storage.put("s/a/1", file)

    def unlink(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", unlink)

    with pytest.raises(PermissionError):
        storage.delete("s/a")


def test_a_file_is_kept_although_its_empty_folder_is_just_removed(storage, file, tmp_path, monkeypatch):
    link = os.link

    def race(*arguments: object, **options: object) -> None:
        monkeypatch.setattr(os, "link", link)
        (tmp_path / "storage" / "s").rmdir()
        link(*arguments, **options)

    monkeypatch.setattr(os, "link", race)

    storage.put("s/a", file)

    assert storage.exists("s/a")


def test_others_are_deleted_once_they_are_old(storage, file, tmp_path):
    for key in ("s/known/1", "s/stray/1", "s/single"):
        storage.put(key, file)
    (tmp_path / "storage" / "s" / ".unfinished-of-a-killed-put").write_bytes(b"x")

    young = storage.delete_others("s", {"known"}, 3600)
    old = storage.delete_others("s", {"known"}, -1)

    assert (young, old) == (0, 3)
    assert [path.name for path in (tmp_path / "storage" / "s").iterdir()] == ["known"]
    assert storage.delete_others("never", set(), 0) == 0


def test_a_size_is_that_of_all_below(storage, file):
    for key in ("s/a/1", "s/a/2", "s/b"):
        storage.put(key, file)

    assert (storage.size("s"), storage.size("s/a"), storage.size("s/b"), storage.size("x")) == (21, 14, 7, 0)


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a\\b", "a b", "a\nb", "ä", "a" * 201]
)
@pytest.mark.parametrize("act", ["open", "exists", "delete", "size"])
def test_it_takes_no_other_keys(storage, key, act):
    with pytest.raises(ValueError, match="not a storage key"):
        getattr(storage, act)(key)


def test_it_keeps_nothing_but_files(storage, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("/etc/passwd")

    for path in (link, tmp_path):
        with pytest.raises(ValueError, match="not a regular file"):
            storage.put("a/b", path)
    assert not storage.exists("a/b")


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_url_opens_a_folder(tmp_path, file, prefix):
    open_storage(f"{prefix}{tmp_path}/s").put("a", file)

    assert (tmp_path / "s" / "a").read_bytes() == b"content"


@pytest.mark.parametrize("url", ["", "s3://bucket", "http://example.org/x", "file://host/x"])
def test_other_urls_open_nothing(url):
    with pytest.raises(ValueError, match="no storage of the kind"):
        open_storage(url)
