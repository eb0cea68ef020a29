"""A scan that its visitor cancels is over at once, and the worker that was at it is free within two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import trees
from tests.servers.http import HttpServer, Route, content, drip, silent
from tests.servers.site import Site

#: What the visitor is promised, and what a machine that runs other tests beside may take longer, seconds.
PROMISED, BUSY = 2.0, 2.0


def _many() -> Route:
    """Serve equal files: they are scanned once, so nearly all time goes into unpacking and the report."""
    files = {f"many/{number}/same.txt": "Copyright (c) 2026 Example\n" for number in range(8_000)}
    return content(trees.tar_gz(files))


def _long() -> Route:
    """Serve far more text in one file than is scanned in two seconds."""
    return content(trees.tar_gz({"long/licenses.txt": b"\n\n".join(trees.rule_texts(3_000).values())}))


#: The state in which the scan is cancelled, and what was asked for.
STAGES: dict[str, tuple[str, Callable[[], Route]]] = {
    "fetching": ("fetching", lambda: drip(0.2)),
    "waiting for a server": ("fetching", silent),
    "unpacking": ("unpacking", _many),
    "scanning": ("scanning", _long),
    "assembling": ("assembling", _many),
}


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {"REUSE_REPORTS": "no", "CACHE_BYTES": "0"}
    with Site(tmp_path_factory.mktemp("cancelling") / "instance", **settings) as site:
        yield site


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stage", STAGES)
def test_a_cancelled_scan_frees_its_worker(own_site: Site, http: HttpServer, stage: str) -> None:
    state, route = STAGES[stage]
    http.routes["/code.tgz"] = route()
    page = own_site.submit(http.url("/code.tgz"))
    own_site.wait(page, state, seconds=200)
    time.sleep(0.5)

    started = time.monotonic()
    own_site.send(page.removeprefix(own_site.url), f"{page.removeprefix(own_site.url)}/cancel", {})
    freed = _given_up(own_site, page.rsplit("/", 1)[1], started + 30)

    assert own_site.status(page)["state"] == "cancelled"
    assert freed - started < PROMISED + BUSY
    # It says so before it clears up.
    workspace = Path(own_site.instance) / "workspaces" / page.rsplit("/", 1)[1]
    while workspace.exists() and time.monotonic() < started + 30:
        time.sleep(0.02)
    assert not workspace.exists()


def _given_up(site: Site, token: str, deadline: float) -> float:
    """Return when the worker said that it has let go of the scan."""
    while time.monotonic() < deadline:
        if any(token in line and "given up" in line for line in site.log):
            return time.monotonic()
        time.sleep(0.02)
    raise AssertionError("no worker gave it up:\n" + "".join(site.log[-30:]))
