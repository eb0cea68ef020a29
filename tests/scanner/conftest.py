"""One warm engine for all tests of the scanner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scanner import fetch
from scanner.engine.client import Engine, start_server
from tests.servers.http import HttpServer


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running engine, in stock's own speed or ours: as the environment says."""
    socket = tmp_path_factory.mktemp("engine") / "private" / "engine.sock"
    server = start_server(socket)
    try:
        yield Engine(socket)
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A server on loopback that nothing is on yet."""
    with HttpServer() as running:
        yield running


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once what failed."""
    monkeypatch.setattr(fetch, "_RETRY_SECONDS", 0.02)
