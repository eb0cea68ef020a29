"""What a git server may answer, and where it may lead."""

from __future__ import annotations

import shutil
import socket
from ipaddress import ip_network

import pytest

from scanner.addresses import Gate
from scanner.errors import AddressRefused, ArchiveError, FetchError, SourceRefused
from scanner.sources import git
from tests.scanner.sources.builders import content_of, fetch
from tests.servers import http as serve
from tests.servers.git import Repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


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
