"""Git repositories: the commit that was meant, all of its regular files, and nothing of git's own magic."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from scanner.addresses import Gate
from scanner.errors import AddressRefused, ArchiveError, FetchError, LimitExceeded, SourceRefused
from scanner.fetch import Client
from scanner.sources import git
from tests.scanner.sources.builders import GATE, LIMITS, content_of, fetch
from tests.servers import http as serve
from tests.servers.git import GitServer, Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "srv" / "owner" / "project.git")
    made.commit({"LICENSE": "MIT\n", "src/main.py": "print()\n", "src/deep/x.c": "int x;\n"})
    return made


@pytest.fixture
def server(tmp_path: Path, repository: Repository) -> Iterator[GitServer]:
    with GitServer(tmp_path / "srv") as running:
        yield running


@pytest.fixture
def url(server: GitServer) -> str:
    return server.url("/owner/project.git")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fetched"
    made.mkdir()
    return made


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


@pytest.mark.parametrize(
    ("suffix", "error", "sentence"),
    [
        ("@nothing", SourceRefused, "has no branch or tag nothing"),
        ("@" + "1" * 40, FetchError, "The git server says"),
        ("@abcdef1", SourceRefused, "cannot be found by its first digits"),
        ("#subdirectory=no/such", SourceRefused, "has no file or folder no/such"),
        ("#subdirectory=:(glob)**", SourceRefused, "has no file or folder"),
        ("#subdirectory=../..", SourceRefused, "would leave the repository"),
        ("@--upload-pack=touch", SourceRefused, "has no branch or tag"),
        ("@refs/heads/../../x", SourceRefused, "has no branch or tag"),
    ],
)
def test_what_is_not_there_gets_a_sentence(url, folder, suffix, error, sentence):
    with pytest.raises(error, match=sentence.replace("(", r"\(")):
        fetch(f"git+{url}{suffix}", folder)
    assert list(folder.iterdir()) == []


def test_a_repository_that_is_not_there(server, folder):
    with pytest.raises(FetchError, match="no such repository, or keeps it private"):
        fetch(server.url("/owner/other.git"), folder)


def test_a_repository_without_a_commit(tmp_path, server, folder):
    Repository(tmp_path / "srv" / "empty.git")

    with pytest.raises(FetchError, match="repository is empty"):
        fetch(server.url("/empty.git"), folder)


def test_an_address_that_is_no_repository(server, folder):
    server.routes["/x.git/info/refs"] = serve.content(b"<html>", type="text/html")

    with pytest.raises(SourceRefused, match="no git repository"):
        fetch(server.url("/x.git"), folder)


def test_a_server_of_another_age(server, folder):
    advertisement = "application/x-git-upload-pack-advertisement"
    old = b"001e# service=git-upload-pack\n0000" + b"0033" + b"1" * 40 + b" HEAD\0\n0000"
    server.routes["/x.git/info/refs"] = serve.content(old, type=advertisement)

    with pytest.raises(FetchError, match="a version of git's protocol"):
        fetch(server.url("/x.git"), folder)


@pytest.mark.parametrize("body", [b"zzzz", b"0003", b"fff5", b"0009abc", b"0009ERR x", b"000e version"])
def test_a_server_that_talks_nonsense(server, folder, body):
    server.routes["/x.git/info/refs"] = serve.content(body, type="application/x-git-upload-pack-advertisement")

    with pytest.raises(FetchError):
        fetch(server.url("/x.git"), folder)


def test_a_damaged_pack(server, url, folder):
    def damaged(request):
        parts = list(server._backend(request))
        yield parts[0]
        body = parts[1]
        at = body.find(b"PACK")
        yield body if at < 0 else body[: at + 14] + bytes([body[at + 14] ^ 0xFF]) + body[at + 15 :]

    server.routes["/owner/project.git/git-upload-pack"] = damaged

    with pytest.raises(ArchiveError, match="is damaged"):
        fetch(url, folder)
    assert list(folder.iterdir()) == []


def test_redirects_are_followed_through_the_gate(server, folder, url):
    with serve.HttpServer() as old:
        query = "?service=git-upload-pack"
        old.routes["/moved.git/info/refs"] = serve.redirect(f"{url}/info/refs{query}", 301)

        source, _ = fetch(old.url("/moved.git"), folder)

        assert source.url == url
        assert len(old.requests) == 1


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/x.git/info/refs?service=git-upload-pack", "http://10.0.0.1/"]
)
def test_a_redirect_to_a_forbidden_address_reaches_nobody(target, folder):
    with (
        serve.HttpServer() as canary,
        serve.HttpServer(address="127.0.0.2", fallback=serve.redirect(target.format(port=canary.port))) as door,
    ):
        with pytest.raises(AddressRefused):
            fetch(door.url("/x.git"), folder, gate=Gate([ip_network("127.0.0.2/32")]))

        assert canary.connections == 0


def test_a_web_page_at_the_address_of_a_repository_leads_to_the_repository(repository, server, folder):
    server.routes["/other"] = serve.content(b"<!DOCTYPE html><title>x</title>", type="text/html")
    server.routes["/page"] = serve.content(b"<!DOCTYPE html><title>x</title>", type="text/html; charset=utf-8")
    server.routes["/page/info/refs"] = serve.redirect(
        server.url("/owner/project.git/info/refs?service=git-upload-pack")
    )

    source, path = fetch(server.url("/page"), folder)

    assert source.kind == "git"
    assert len(content_of(path)) == 3
    path.unlink()
    with pytest.raises(SourceRefused, match="answers with a web page"):
        fetch(server.url("/other"), folder)
    assert list(folder.iterdir()) == []


def test_git_itself_never_opens_a_connection(url, folder, monkeypatch):
    connected = []
    connect = socket.socket.connect_ex
    monkeypatch.setattr(socket.socket, "connect_ex", lambda s, to: connected.append(to) or connect(s, to))

    fetch(url, folder)

    assert len(connected) >= 1
    assert {address for address, _ in connected} == {"127.0.0.1"}


def test_a_machine_without_git_says_so(url, folder, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    git._programs.cache_clear()

    with pytest.raises(FetchError, match="git is not installed"):
        fetch(url, folder)


def test_it_can_be_stopped_while_it_packs(repository, url, folder):
    class Stop(Exception):
        pass

    def progress(_done: int, _whole: int | None) -> None:
        if any(folder.glob(".git-*/pack")):
            raise Stop

    with pytest.raises(Stop):
        fetch(url, folder, progress=progress)
    assert list(folder.iterdir()) == []
