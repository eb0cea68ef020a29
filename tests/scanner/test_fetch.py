"""Fetching: good files arrive whole; everything else ends in a sentence, in time, with nothing left behind."""

from __future__ import annotations

import errno
import gzip
import hashlib
import socket
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from scanner import fetch
from scanner.access import Access
from scanner.addresses import Gate
from scanner.errors import (
    AddressRefused,
    BrokenOff,
    FetchError,
    HttpAnswered,
    LimitExceeded,
    NameNotFound,
    ScannerError,
    TimedOut,
)
from scanner.fetch import Client, Digest
from tests.scanner.fetching import BODY, GATE, LIMITS, download
from tests.servers import http as serve
from tests.servers.http import ALLOWED, HttpServer

pytestmark = pytest.mark.usefixtures("hurry")


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


class Stop(Exception):
    pass


def test_it_brings_a_file_whole(server, tmp_path):
    server.routes["/x.zip"] = serve.content(BODY, type="Application/Zip; x=y")

    got = download(server.url("/x.zip"), tmp_path)

    assert got.path.read_bytes() == BODY
    assert (got.filename, got.size, got.sha256) == ("x.zip", len(BODY), hashlib.sha256(BODY).hexdigest())
    assert got.content_type == "application/zip"
    assert list(tmp_path.iterdir()) == [got.path]


def test_it_brings_a_file_without_a_length(server, tmp_path):
    server.routes["/x"] = serve.chunked(BODY[:1000], 0.01, BODY[1000:])

    assert download(server.url("/x"), tmp_path).path.read_bytes() == BODY


def test_it_follows_redirects_and_says_where_they_ended(server, tmp_path):
    server.routes |= {
        "/a": serve.redirect("b?c=d"),
        "/b": serve.redirect(server.url("/e.tgz#part"), code=307),
        "/e.tgz": serve.content(BODY),
    }

    got = download(server.url("/a"), tmp_path)

    assert got.url == server.url("/e.tgz")
    assert got.filename == "e.tgz"


def test_it_does_not_read_what_comes_with_a_redirect(server, tmp_path):
    server.routes |= {
        "/a": lambda _request: [serve.head(302, {"Location": "/b", "Content-Length": "9000"}), b"x", 60.0],
        "/b": serve.content(BODY),
    }

    assert download(server.url("/a"), tmp_path).size == len(BODY)


def test_it_says_who_it_is_and_nothing_else(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("default login l password p")
    server.routes |= {
        "/a": serve.status(302, {"Location": "/b", "Set-Cookie": "id=1; Path=/"}),
        "/b": serve.content(BODY),
    }

    download(server.url("/a"), tmp_path, access=Access(user_agent="Scanpost (+https://scan.example)"))

    sent = server.requests[1].headers
    assert sent["user-agent"] == "Scanpost (+https://scan.example)"
    assert sent["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "proxy-authorization", "referer"} & set(sent)


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/files/a-1.0.tar.gz", None, "a-1.0.tar.gz"),
        ("/download", 'attachment; filename="b 1.zip"', "b 1.zip"),
        ("/download", "attachment; filename*=UTF-8''%e2%82%ac.zip", "€.zip"),
        ("/download", 'attachment; filename="../../etc/passwd"', "passwd"),
        ("/download", 'attachment; filename="C:\\\\temp\\\\x.zip"', "x.zip"),
        ("/download", 'attachment; filename=".bashrc"', "bashrc"),
        ("/download", 'attachment; filename="-rf"', "rf"),
        ("/download", 'attachment; filename="a\tb.zip"', "a_b.zip"),
        ("/download", 'attachment; filename="<script>.js"', "_script_.js"),
        ("/download", "attachment; filename*=no-such-charset''x", "x"),
        ("/download", "attachment; filename=..", "download"),
        ("/%2e%2e%2fx.zip", None, "x.zip"),
        ("/%00%0a.zip", None, "__.zip"),
        ("/", None, "127.0.0.1"),
        ("/" + "n" * 300 + ".tar.gz", None, "n" * 197 + ".gz"),
    ],
)
def test_it_makes_a_safe_name(server, tmp_path, path, disposition, name):
    server.fallback = serve.content(BODY, headers={"Content-Disposition": disposition} if disposition else {})

    got = download(server.url(path), tmp_path)

    assert got.filename == name
    assert got.path == tmp_path / name


def test_it_prefers_the_address_whose_name_has_an_extension(server, tmp_path):
    server.routes |= {"/a-1.0.zip": serve.redirect("/blobs/0f3a"), "/blobs/0f3a": serve.content(BODY)}

    assert download(server.url("/a-1.0.zip"), tmp_path).filename == "a-1.0.zip"


def test_it_undoes_the_encoding_of_the_transfer(server, tmp_path):
    server.routes["/x.js"] = serve.compressed(BODY)

    assert download(server.url("/x.js"), tmp_path).path.read_bytes() == BODY


def test_it_leaves_a_file_alone_that_is_compressed_itself(server, tmp_path):
    server.routes["/x.tar.gz"] = serve.compressed(BODY)

    assert gzip.decompress(download(server.url("/x.tar.gz"), tmp_path).path.read_bytes()) == BODY


def test_it_reports_progress_up_to_the_whole(server, tmp_path):
    server.routes["/x.zip"] = serve.content(BODY)
    seen: list[tuple[int, int | None]] = []

    download(server.url("/x.zip"), tmp_path, progress=lambda done, whole: seen.append((done, whole)))

    assert seen[-1] == (len(BODY), len(BODY))


def test_it_cleans_up_even_when_the_last_report_of_progress_raises(server, tmp_path):
    server.routes["/x.zip"] = serve.content(BODY)

    def progress(done: int, _whole: int | None) -> None:
        if done == len(BODY):
            raise Stop

    with pytest.raises(Stop):
        download(server.url("/x.zip"), tmp_path, progress=progress)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [Stop, OSError, TimeoutError, ValueError])
def test_it_lets_out_what_progress_raises_and_cleans_up(server, tmp_path, error):
    server.routes["/x.zip"] = serve.stalled(BODY)

    def progress(done: int, _whole: int | None) -> None:
        if done:
            raise error("enough")

    with pytest.raises(error, match="enough"):
        download(server.url("/x.zip"), tmp_path, progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_stopped_while_a_server_is_silent(server, tmp_path):
    server.routes["/x.zip"] = serve.silent()
    calls: list[int] = []

    def progress(done: int, _whole: int | None) -> None:
        calls.append(done)
        if len(calls) > 2:
            raise Stop

    with pytest.raises(Stop):
        download(server.url("/x.zip"), tmp_path, progress=progress, limits=replace(LIMITS, idle_seconds=60))


def test_it_checks_the_digest_that_a_registry_states(server, tmp_path):
    server.routes["/x.zip"] = serve.content(BODY)
    right = hashlib.sha1(BODY).hexdigest()

    assert download(server.url("/x.zip"), tmp_path, expect=Digest("sha1", right)).size == len(BODY)
    with pytest.raises(FetchError, match="sha1 digest differs"):
        download(server.url("/x.zip"), tmp_path, expect=Digest("sha1", "0" * 40), name="y")
    assert not (tmp_path / "y").exists()


HOSTILE: list[tuple[str, serve.Route, type[FetchError | LimitExceeded], str]] = [
    ("not found", serve.status(404), HttpAnswered, "has nothing at this address"),
    ("gone", serve.status(410), HttpAnswered, "removed it"),
    ("password", serve.status(401), HttpAnswered, "asks for a user name and password"),
    ("forbidden", serve.status(403), HttpAnswered, "does not allow"),
    ("server error", serve.status(500), HttpAnswered, "a problem of its own"),
    ("teapot", serve.status(418), HttpAnswered, "status 418"),
    ("no content", serve.status(204), HttpAnswered, "status 204"),
    ("redirect nowhere", serve.status(302), HttpAnswered, "status 302"),
    ("redirect to itself", serve.redirect("/x"), FetchError, "in a circle"),
    ("redirect to a file", serve.redirect("file:///etc/passwd"), FetchError, "begin with file:"),
    ("redirect to ftp", serve.redirect("ftp://example.org/"), FetchError, "begin with ftp:"),
    ("redirect to a password", serve.redirect("http://u:secret@127.0.0.1/"), FetchError, "user name or password"),
    ("redirect to port 22", serve.redirect("http://127.0.0.1:22/"), FetchError, "Port 22"),
    ("redirect to 10/8", serve.redirect("http://10.0.0.1/"), AddressRefused, "private network"),
    ("redirect to metadata", serve.redirect("http://169.254.169.254/latest/"), AddressRefused, "metadata service"),
    ("redirect to IPv6 loopback", serve.redirect("http://[::1]:8000/"), AddressRefused, "this machine itself"),
    ("redirect to nonsense", serve.redirect("http://[::1"), FetchError, "not a valid web address"),
    ("redirect to nobody", serve.redirect("http://nobody.invalid/"), NameNotFound, "nobody.invalid"),
    ("empty", serve.content(b""), FetchError, "an empty file"),
    ("empty chunks", serve.chunked(), FetchError, "an empty file"),
    ("said to be large", serve.lying_length(BODY, 1_000_001), LimitExceeded, "1 MB (the limit download_bytes)"),
    ("endless", serve.endless(), LimitExceeded, "1 MB (the limit download_bytes)"),
    ("endless, said to be short of encoding", serve.endless({"Content-Encoding": "gzip"}), FetchError, "encoding"),
    ("gzip bomb", serve.compressed(bytes(20_000_000)), LimitExceeded, "1 MB (the limit download_bytes)"),
    (
        "gzip bomb in gzip",
        serve.compressed(bytes(20_000_000), times=2),
        LimitExceeded,
        "1 MB (the limit download_bytes)",
    ),
    ("gzip nine times", serve.compressed(BODY, times=9), FetchError, "not understood here"),
    ("unknown encoding", serve.content(BODY, headers={"Content-Encoding": "rot13"}), FetchError, "rot13"),
    ("damaged gzip", serve.content(BODY, headers={"Content-Encoding": "gzip"}), FetchError, "damaged encoding"),
    ("shorter than said", serve.lying_length(BODY, 300_000), BrokenOff, "broke off"),
    ("broken off", serve.broken(BODY), BrokenOff, "broke off"),
    ("reset", serve.broken(BODY, reset=True), BrokenOff, "broke off"),
    ("closed at once", serve.raw(), BrokenOff, "broke off"),
    ("reset at once", serve.raw(serve.RESET), BrokenOff, "broke off"),
    (
        "chunks broken off",
        serve.raw(serve.head(200, {"Transfer-Encoding": "chunked"}), b"ff\r\nabc"),
        BrokenOff,
        "broke off",
    ),
    ("bad chunks", serve.raw(serve.head(200, {"Transfer-Encoding": "chunked"}), b"zz\r\nabc"), BrokenOff, "broke off"),
    ("not HTTP", serve.raw(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n"), FetchError, "as a web server should"),
    (
        "two lengths",
        serve.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        FetchError,
        "as a web",
    ),
    ("endless header", serve.raw(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 200_000), FetchError, "as a web server should"),
    (
        "thousand headers",
        serve.raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1_000, b"\r\n"),
        FetchError,
        "as a web server",
    ),
    ("informed for ever", serve.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), BrokenOff, ""),
]


@pytest.mark.parametrize(("route", "error", "sentence"), [pytest.param(*case[1:], id=case[0]) for case in HOSTILE])
def test_it_ends_in_a_sentence(server, tmp_path, route, error, sentence):
    server.routes["/x"] = route

    with pytest.raises(error) as caught:
        download(server.url("/x"), tmp_path)

    assert type(caught.value) is error
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "secret" not in str(caught.value) + caught.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_not_the_servers_fault(server, tmp_path, monkeypatch):
    server.routes["/x"] = serve.content(BODY)

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch._Part, "add", full)

    with pytest.raises(ScannerError, match="The disk of this site is full"):
        download(server.url("/x"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_it_stops_after_so_many_redirects(server, tmp_path):
    for n in range(9):
        server.routes[f"/{n}"] = serve.redirect(f"/{n + 1}")

    with pytest.raises(FetchError, match="more than 3 redirects"):
        download(server.url("/0"), tmp_path)
    assert len(server.requests) == 4


def test_a_body_longer_than_said_is_cut_where_it_was_said_to_end(server, tmp_path):
    server.routes["/x"] = serve.lying_length(BODY, 1_000)

    assert download(server.url("/x"), tmp_path).size == 1_000


@pytest.mark.parametrize(
    "route",
    [serve.drip(0.1), serve.drip(0.1, in_header=True), serve.chunked(b"a", 0.1, b"b", 30.0)],
    ids=["body", "header", "chunks"],
)
def test_a_drip_ends_at_the_deadline(server, tmp_path, route):
    server.routes["/x"] = route

    with pytest.raises(TimedOut, match="within 1 second"):
        download(server.url("/x"), tmp_path, limits=replace(LIMITS, download_seconds=1, idle_seconds=30))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("route", [serve.silent(), serve.stalled(BODY)], ids=["silent", "stalled"])
def test_silence_ends_after_the_idle_time(server, tmp_path, route):
    server.routes["/x"] = route

    with pytest.raises(TimedOut, match="stopped sending"):
        download(server.url("/x"), tmp_path, limits=replace(LIMITS, idle_seconds=1))


def test_all_that_one_scan_fetches_counts_together(server, tmp_path):
    server.fallback = serve.content(bytes(900_000))
    client = Client(GATE, LIMITS)
    client.download(server.url("/1"), tmp_path)

    with pytest.raises(LimitExceeded):
        client.download(server.url("/2"), tmp_path)


def test_what_proves_who_we_are_is_not_shown_to_others(server, tmp_path):
    with HttpServer({"/there": serve.content(BODY)}) as other:
        server.routes |= {"/a": serve.redirect("/b"), "/b": serve.redirect(other.url("/there"))}

        download(server.url("/a"), tmp_path, headers={"Authorization": "Bearer secret"})

        assert [request.headers.get("authorization") for request in server.requests] == ["Bearer secret"] * 2
        assert "authorization" not in other.requests[0].headers


def test_nothing_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(FetchError, match=f"127.0.0.1 refuses connections on port {port}"):
        download(f"http://127.0.0.1:{port}/x", tmp_path)


def test_nobody_takes_the_connection(tmp_path):
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())  # the queue of one is full from here on
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"

        with pytest.raises(TimedOut, match="did not answer"):
            download(url, tmp_path, limits=replace(LIMITS, connect_seconds=1))


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_reached_as_it_is_written(tmp_path):
    with HttpServer({"/x": serve.content(BODY)}, address="::1") as running:
        got = download(running.url("/x"), tmp_path, gate=Gate([ip_network("::1/128")]))

    assert got.size == len(BODY)
    assert got.url == running.url("/x")


def test_a_silent_address_leaves_time_for_the_next(server, tmp_path):
    server.routes["/x"] = serve.content(BODY)
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.9", server.port))
        listener.listen(0)
        filler.connect(listener.getsockname())
        answers = [(2, 1, 6, "", (address, server.port)) for address in ("127.0.0.9", "127.0.0.1")]
        gate = Gate([ip_network(ALLOWED)], lookup=lambda _host, _port: answers)

        got = download(server.url("/x", "two.example"), tmp_path, gate=gate, limits=replace(LIMITS, connect_seconds=2))

    assert got.size == len(BODY)


def test_a_name_server_that_does_not_answer_is_not_waited_for(tmp_path):
    def lookup(_host: str, _port: int) -> Any:
        import time

        time.sleep(3)
        return []

    with pytest.raises(TimedOut, match="name server"):
        download("http://slow.example/x", tmp_path, gate=Gate(lookup=lookup), limits=replace(LIMITS, connect_seconds=1))
