"""The commit that was meant, in whatever way it was named."""

from __future__ import annotations

import hashlib
import shutil
import tarfile

import pytest

from scanner.errors import FetchError
from scanner.fetch import Client
from scanner.sources import git
from tests.scanner.sources.builders import GATE, LIMITS, content_of, fetch
from tests.servers import http as serve
from tests.servers.git import GitServer, Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_it_takes_the_default_branch(repository, url, folder):
    source, path = fetch(url, folder)

    assert content_of(path) == {
        "project-main/LICENSE": b"MIT\n",
        "project-main/src/deep/x.c": b"int x;\n",
        "project-main/src/main.py": b"print()\n",
    }
    assert source.kind == "git"
    assert source.commit == repository.git("rev-parse", "main")
    assert source.url == url
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert source.notes == ("The default branch, main, was taken.",)


def test_the_same_commit_gives_the_same_bytes(repository, url, folder, tmp_path):
    first, _ = fetch(url, folder)
    repository.commit({"LICENSE": "other"})
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    (tmp_path / "again").mkdir()

    second, path = fetch(url, tmp_path / "again")

    assert first.sha256 == second.sha256
    with tarfile.open(path) as archive:
        assert {(m.mode, m.uid, m.uname, m.mtime) for m in archive} == {(0o644, 0, "", 1767323045)}


@pytest.mark.parametrize(("format", "version"), [("sha1", 2), ("sha256", 2), ("sha1", 0), ("sha1", 1), ("sha256", 0)])
def test_it_takes_the_branch_tag_or_commit_that_is_asked_for(tmp_path, folder, format, version):
    repository = Repository(tmp_path / "r" / "p.git", format=format)
    first = repository.commit({"a": "1"})
    repository.git("tag", "light")
    repository.git("tag", "--annotate", "v1.0", "--message", "heavy")
    second = repository.commit({"a": "2"}, branch="feature/one")
    repository.git("update-ref", "refs/pull/7/head", second)
    repository.commit({"a": "3"})

    with GitServer(tmp_path / "r", version=version) as server:
        asked = {
            "light": b"1",
            "v1.0": b"1",
            first: b"1",
            first[:8]: b"1",
            "refs/pull/7/head": b"2",
            "feature/one": b"3",
        }
        got = {}
        for ref in asked:
            source, path = fetch(f"git+{server.url('/p.git')}@{ref}", folder)
            got[ref] = next(iter(content_of(path).values()))
            assert repository.git("cat-file", "-t", source.commit) == "commit"
            path.unlink()

    assert got == asked


@pytest.mark.parametrize("version", [0, 1])
def test_old_servers_name_their_default_branch_too(repository, tmp_path, folder, version):
    with GitServer(tmp_path / "srv", version=version) as server:
        source, path = fetch(server.url("/owner/project.git"), folder)

    assert source.commit == repository.git("rev-parse", "main")
    assert source.filename == "project-main.tar"
    assert len(content_of(path)) == 3


@pytest.mark.parametrize("oid", ["--output=/tmp/x", "-" * 40, "1" * 39, "HEAD", "../../x"])
def test_a_server_cannot_pass_options_to_git(server, folder, url, oid):
    line = f"{oid} HEAD\n".encode()
    server.routes["/owner/project.git/git-upload-pack"] = serve.content(b"%04x" % (len(line) + 4) + line + b"0000")

    with pytest.raises(FetchError, match="cannot be understood"):
        fetch(url, folder)


def test_it_finds_out_where_a_branch_ends_and_a_folder_begins(repository, server, folder):
    repository.commit({"src/only-here": "x"}, branch="feature/one")
    place = git.Place(
        "Git repository", server.url("/owner/project.git"), "owner/project", rest=("feature", "one", "src")
    )
    request = git.request_for("pasted", place)

    with Client(GATE, LIMITS) as client:
        source, path = request.fetch(client, folder)

    assert sorted(content_of(path)) == [
        "project-feature-one/src/deep/x.c",
        "project-feature-one/src/main.py",
        "project-feature-one/src/only-here",
    ]
    assert source.title == "owner/project at feature/one, src"


def test_it_takes_only_the_folder_that_is_asked_for(url, folder):
    _, path = fetch(f"git+{url}#subdirectory=src/deep", folder)

    assert content_of(path) == {"project-main/src/deep/x.c": b"int x;\n"}


def test_it_takes_a_single_file(url, folder):
    _, path = fetch(f"git+{url}#subdirectory=src/main.py", folder)

    assert list(content_of(path)) == ["project-main/src/main.py"]
