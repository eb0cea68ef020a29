"""Fetching over TLS: certificates that are right, and every way in which they are not."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from scanner.access import Access
from scanner.addresses import Gate
from scanner.errors import (
    FetchError,
    TimedOut,
)
from scanner.fetch import Download
from tests.scanner.fetching import BODY, LIMITS, download
from tests.servers import http as serve
from tests.servers.http import ALLOWED, HttpServer
from tests.servers.tls import Authority

pytestmark = pytest.mark.usefixtures("hurry")


class TestTls:
    @pytest.fixture(scope="class")
    def authority(self, tmp_path_factory) -> Authority:
        return Authority(tmp_path_factory.mktemp("tls"))

    def fetch(
        self, authority: Authority, folder: Path, *, trusted: Authority | None = None, **certificate: Any
    ) -> Download:
        """Fetch from a server that is reached as good.example and has this certificate."""
        with HttpServer({"/x": serve.content(BODY)}, tls=authority.context(**certificate)) as server:
            gate = Gate([ip_network(ALLOWED)], lookup=lambda _host, port: [(2, 1, 6, "", ("127.0.0.1", port))])
            access = Access(certificates=str((trusted or authority).path))
            return download(server.url("/x", "good.example"), folder, gate=gate, access=access)

    def test_a_good_certificate_is_taken(self, authority, tmp_path):
        assert self.fetch(authority, tmp_path).size == len(BODY)

    def test_a_certificate_for_another_name_is_not(self, authority, tmp_path):
        with pytest.raises(FetchError, match="its certificate is for another name"):
            self.fetch(authority, tmp_path, name="other.example")

    def test_an_expired_certificate_is_not(self, authority, tmp_path):
        with pytest.raises(FetchError, match="has expired"):
            self.fetch(authority, tmp_path, expired=True)

    def test_a_certificate_that_nobody_vouches_for_is_not(self, authority, tmp_path, tmp_path_factory):
        with pytest.raises(FetchError, match="is not trusted"):
            self.fetch(authority, tmp_path, trusted=Authority(tmp_path_factory.mktemp("other")))

    def test_a_server_without_tls_is_no_secure_server(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer() -> None:
                with listener.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                    connection.recv(65_536)

            threading.Thread(target=answer, daemon=True).start()
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/x"

            with pytest.raises(FetchError, match="no secure connection"):
                download(url, tmp_path)

    def test_a_handshake_that_hangs_ends(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/x"

            with pytest.raises(TimedOut, match="stopped sending"):
                download(url, tmp_path, limits=replace(LIMITS, connect_seconds=1))
