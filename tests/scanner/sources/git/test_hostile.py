"""All of a repository's regular files and nothing of git's own magic, within limits."""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import replace

import pytest

from scanner.errors import ArchiveError, LimitExceeded
from tests.scanner.sources.builders import LIMITS, content_of, fetch

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_it_keeps_regular_files_only_and_says_so(repository, url, folder):
    (repository.folder / "passwd").symlink_to("/etc/passwd")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    repository.commit({"big.bin": pointer, "run.sh": "true\n"})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    repository.git("update-index", "--chmod=+x", "run.sh")
    repository.git("commit", "--quiet", "--message", "again")

    source, path = fetch(url, folder)

    names = content_of(path)
    assert not {"project-main/passwd", "project-main/module"} & set(names)
    assert {"One symbolic link was left out.", "One submodule was left out."} < set(source.notes)
    assert "One file lies in Git LFS; its pointer was scanned." in source.notes
    with tarfile.open(path) as archive:
        assert archive.getmember("project-main/run.sh").mode == 0o755


def test_names_survive_whatever_their_bytes_are(repository, url, folder):
    names = [b"\xff\xfe", "ä".encode(), b"a\nb", b"-rf", b'<script>"', b"x" * 200, b" ", b"con", b"=1+1"]
    blob = repository.git("hash-object", "-w", "LICENSE")
    repository.commit_tree(repository.tree(b"100644 blob " + blob.encode() + b"\t" + name for name in names))

    _, path = fetch(url, folder)

    assert sorted(os.fsencode(name) for name in content_of(path)) == sorted(b"project-main/" + name for name in names)


def test_hooks_filters_and_attributes_do_nothing(repository, url, folder, tmp_path):
    canary = tmp_path / "canary"
    repository.git("config", "filter.evil.smudge", f"touch {canary}")
    repository.commit({".gitattributes": "* filter=evil export-ignore text eol=crlf\n", "a.txt": "1\n"})

    _, path = fetch(url, folder)

    assert content_of(path)["project-main/a.txt"] == b"1\n"
    assert not canary.exists()


def test_the_slips_of_old_repositories_do_no_harm(repository, url, folder):
    blob = bytes.fromhex(repository.git("hash-object", "-w", "LICENSE"))
    inner = repository.raw("tree", b"100644 x\0" + blob)
    tree = repository.raw("tree", b"100644 a\0" + blob + b"040000 d\0" + bytes.fromhex(inner))
    lines = [
        f"tree {tree}",
        "author A <a@example.org> 1 +051800",
        "committer <c@example.org>1 -7000000",
        "",
        "message\n",
    ]
    commit = repository.raw("commit", "\n".join(lines).encode())
    repository.git("update-ref", "refs/heads/main", commit)

    assert sorted(content_of(fetch(url, folder)[1])) == ["project-main/a", "project-main/d/x"]


@pytest.mark.parametrize("name", [b"..", b".", b".git", b".GIT"])
def test_it_refuses_names_that_leave_the_folder(repository, url, folder, name):
    blob = repository.git("hash-object", "-w", "LICENSE")
    tree = repository.tree([b"100644 blob " + blob.encode() + b"\tx"])
    repository.commit_tree(repository.tree([b"040000 tree " + tree.encode() + b"\t" + name]))

    with pytest.raises(ArchiveError):
        fetch(url, folder)
    assert list(folder.iterdir()) == []


def test_a_few_bytes_cannot_become_ten_billion_paths(repository, url, folder):
    tree = repository.tree([b"100644 blob " + repository.git("hash-object", "-w", "LICENSE").encode() + b"\tf"])
    for _ in range(10):
        tree = repository.tree(b"040000 tree " + tree.encode() + b"\t%d" % n for n in range(10))
    repository.commit_tree(tree)

    with pytest.raises(LimitExceeded, match="more than 1,000 files"):
        fetch(url, folder, limits=replace(LIMITS, unpacked_files=1_000))
    assert list(folder.iterdir()) == []


def test_ten_billion_folders_without_a_file_end_too(repository, url, folder):
    tree = repository.git("mktree")
    for _ in range(10):
        tree = repository.tree(b"040000 tree " + tree.encode() + b"\t%d" % n for n in range(10))
    repository.commit_tree(tree)

    with pytest.raises(LimitExceeded):
        fetch(url, folder, limits=replace(LIMITS, unpack_seconds=1))


def test_a_bomb_of_zeros_is_refused_before_it_is_written(repository, url, folder):
    repository.commit({"zeros": bytes(20_000_000)})

    with pytest.raises(LimitExceeded, match=r"more than 10 MB"):
        fetch(url, folder, limits=replace(LIMITS, unpacked_bytes=10_000_000))
    assert list(folder.iterdir()) == []


def test_the_limit_on_downloads_holds(repository, url, folder):
    repository.commit({"noise": os.urandom(300_000)})

    with pytest.raises(LimitExceeded, match="the most that this site fetches"):
        fetch(url, folder, limits=replace(LIMITS, download_bytes=100_000))
