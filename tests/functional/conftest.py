"""One running site for all tests that do not kill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.http import HttpServer
from tests.servers.site import Site
from tests.servers.smtp import SmtpServer


@pytest.fixture(scope="session")
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, smtp: SmtpServer) -> Iterator[Site]:
    settings = {
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(smtp.port),
        # Small enough for the tests to reach them.
        "LIMIT_DOWNLOAD_BYTES": "3_000_000",
        "LIMIT_DOWNLOAD_SECONDS": "8",
        "LIMIT_IDLE_SECONDS": "3",
        "LIMIT_UNPACKED_BYTES": "200_000_000",
        "LIMIT_UNPACKED_FILES": "5_000",
    }
    with Site(tmp_path_factory.mktemp("site") / "instance", **settings) as site:
        yield site


@pytest.fixture
def http() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server
