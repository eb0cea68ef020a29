"""Manners towards servers: asked again where that may help, when they want it, and only for what is missing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest

from scanner.access import Access
from scanner.errors import (
    BrokenOff,
    FetchError,
    HttpAnswered,
)
from scanner.fetch import Client, Digest
from tests.scanner.fetching import BODY, download
from tests.servers import http as serve
from tests.servers.http import HttpServer

pytestmark = pytest.mark.usefixtures("hurry")


def ranges(server: HttpServer) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]


class TestManners:
    """One more attempt where that may help, at the time that the server wants, and only for what is missing."""

    def breaking(self, *, validator: str = 'ETag: "1"', times: int = 1, length: int = 100_000) -> serve.Route:
        """Serve BODY, but break off after so many bytes of it, so many times."""
        name, _, value = validator.partition(": ")
        headers = {"Accept-Ranges": "bytes", name: value} if name else {}

        def broken(request: serve.HttpRequest) -> Iterator[bytes]:
            whole = b"".join(serve.content(BODY, headers={**headers, "Connection": "close"})(request))
            yield whole[: whole.index(b"\r\n\r\n") + 4 + length]

        return serve.in_turn(*[broken] * times, serve.content(BODY, headers=headers))

    @pytest.mark.parametrize("validator", ['ETag: "1"', "Last-Modified: Fri, 20 Nov 2026 10:00:00 GMT"])
    def test_what_broke_off_is_taken_up_where_it_broke(self, server, tmp_path, validator):
        server.routes["/x"] = self.breaking(validator=validator)

        got = download(server.url("/x"), tmp_path, expect=Digest("md5", hashlib.md5(BODY).hexdigest()))

        assert got.path.read_bytes() == BODY
        assert got.sha256 == hashlib.sha256(BODY).hexdigest()
        assert ranges(server) == [None, "bytes=100000-"]
        assert server.requests[1].headers["if-range"] == validator.partition(": ")[2]

    def test_it_goes_on_as_long_as_more_arrives(self, server, tmp_path):
        server.routes["/x"] = self.breaking(times=2)

        assert download(server.url("/x"), tmp_path).path.read_bytes() == BODY
        assert ranges(server) == [None, "bytes=100000-", "bytes=200000-"]

    def test_it_gives_up_when_nothing_more_arrives(self, server, tmp_path):
        server.routes["/x"] = self.breaking(times=9, length=0)

        with pytest.raises(BrokenOff):
            download(server.url("/x"), tmp_path)
        assert len(server.requests) == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("validator", ["", 'ETag: W/"weak"'])
    def test_without_proof_that_it_is_the_same_file_it_starts_anew(self, server, tmp_path, validator):
        server.routes["/x"] = self.breaking(validator=validator)

        assert download(server.url("/x"), tmp_path).path.read_bytes() == BODY
        assert ranges(server) == [None, None]

    def test_a_file_that_has_changed_meanwhile_is_taken_whole(self, server, tmp_path):
        new = bytes(reversed(BODY))
        first = self.breaking()
        server.routes["/x"] = serve.in_turn(
            first, lambda _request: [serve.head(200, {"Content-Length": str(len(new))}), new]
        )

        assert download(server.url("/x"), tmp_path).path.read_bytes() == new

    def test_another_part_than_was_asked_for_is_refused(self, server, tmp_path):
        other = [serve.head(206, {"Content-Range": "bytes 5-9/256000", "Content-Length": "5"}), b"12345"]
        server.routes["/x"] = serve.in_turn(self.breaking(), lambda _request: other)

        with pytest.raises(FetchError, match="another part of the file"):
            download(server.url("/x"), tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_part_that_nobody_asked_for_is_no_file(self, server, tmp_path):
        server.routes["/x"] = serve.status(206, {"Content-Range": "bytes 0-1/2"}, b"ab")

        with pytest.raises(HttpAnswered, match="status 206"):
            download(server.url("/x"), tmp_path)

    @pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
    def test_a_passing_trouble_is_waited_for_once(self, server, tmp_path, code):
        server.routes["/x"] = serve.in_turn(serve.status(code), serve.content(BODY))

        assert download(server.url("/x"), tmp_path).size == len(BODY)

    @pytest.mark.parametrize("code", [429, 503])
    def test_a_lasting_trouble_is_not_asked_again_and_again(self, server, tmp_path, code):
        server.routes["/x"] = serve.status(code)

        with pytest.raises(HttpAnswered):
            download(server.url("/x"), tmp_path)
        assert len(server.requests) == 2

    @pytest.mark.parametrize("code", [400, 403, 404, 410])
    def test_a_clear_answer_is_not_asked_for_twice(self, server, tmp_path, code):
        server.routes["/x"] = serve.status(code)

        with pytest.raises(HttpAnswered):
            download(server.url("/x"), tmp_path)
        assert len(server.requests) == 1

    def test_a_server_is_asked_again_when_it_wants_to_be(self, server, tmp_path, monkeypatch):
        server.routes["/x"] = serve.in_turn(serve.status(429, {"Retry-After": "3"}), serve.content(BODY))
        paused: list[float] = []
        monkeypatch.setattr(Client, "_pause", lambda _client, seconds: paused.append(seconds))

        download(server.url("/x"), tmp_path)

        assert paused == [3.0]

    @pytest.mark.parametrize("stated", ["7200", "Fri, 01 Jan 2100 00:00:00 GMT"])
    def test_a_long_wait_is_left_to_the_reader(self, server, tmp_path, stated):
        server.routes["/x"] = serve.status(503, {"Retry-After": stated})

        with pytest.raises(HttpAnswered) as caught:
            download(server.url("/x"), tmp_path)
        assert "minutes, as 127.0.0.1 asks" in caught.value.advice
        assert len(server.requests) == 1

    @pytest.mark.parametrize("stated", ["soon", "-1", "1e3", "9" * 50, ""])
    def test_a_wait_that_makes_no_sense_is_passed_over(self, server, tmp_path, stated):
        server.routes["/x"] = serve.in_turn(serve.status(503, {"Retry-After": stated}), serve.content(BODY))

        assert download(server.url("/x"), tmp_path).size == len(BODY)

    def test_credentials_go_to_the_origin_that_they_are_for(self, server, tmp_path):
        with HttpServer({"/x": serve.content(BODY)}) as mirror:
            server.routes["/a"] = serve.redirect(mirror.url("/x"))
            access = Access(credentials={mirror.url("").rstrip("/"): "Basic c2VjcmV0"})

            download(server.url("/a"), tmp_path, access=access)

            assert mirror.requests[0].headers["authorization"] == "Basic c2VjcmV0"
            assert "authorization" not in server.requests[0].headers
            assert "c2VjcmV0" not in repr(access)

    def test_a_signature_in_the_address_of_a_store_stays_out_of_the_report(self, server, tmp_path):
        server.routes |= {"/a.zip": serve.redirect("/b?signature=secret"), "/b": serve.content(BODY)}

        assert download(server.url("/a.zip"), tmp_path).url == server.url("/b")

    def test_at_most_so_many_connections_go_to_one_host_at_a_time(self, server, tmp_path):
        access = Access(slots=tmp_path / "slots", connections=2)
        at_once, most = 0, 0
        lock = threading.Lock()

        def counting(request: serve.HttpRequest) -> Iterator[bytes | float]:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            yield 0.1
            with lock:
                at_once -= 1
            yield from serve.content(BODY)(request)

        server.fallback = counting
        threads = [
            threading.Thread(target=download, args=(server.url(f"/{n}"), tmp_path), kwargs={"access": access})
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(list(tmp_path.glob("[0-9]"))) == 6
        assert most == 2
