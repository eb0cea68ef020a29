"""Whatever is killed: the scan goes on, ends in the same report, and brings one mail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests import trees
from tests.packages import differences
from tests.servers.http import HttpServer, content
from tests.servers.ports import free_port
from tests.servers.site import ROOT, Site
from tests.servers.smtp import SmtpServer

#: Long enough under way to be hit, with findings in every file.
FILES = trees.rule_texts(400)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def own_site(tmp_path: Path, smtp: SmtpServer) -> Iterator[Site]:
    settings = {
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(smtp.port),
        "LEASE_SECONDS": "4",
        # Findings that are known already would leave nothing to interrupt.
        "CACHE_BYTES": "0",
        "REUSE_REPORTS": "no",
    }
    with Site(tmp_path / "instance", **settings) as site:
        yield site


def _report(page: str) -> dict:
    return requests.get(f"{page}/report.json", timeout=60).json()


def _wait_until_scanning(site: Site, page: str) -> None:
    """Wait until there is something to interrupt; a scan that is over by then would make the test prove nothing."""
    state = site.wait(page, "scanning", "assembling", "done", "failed", seconds=60)["state"]
    assert state == "scanning"


def _kill(name: str) -> Callable[[Site], None]:
    def kill(site: Site) -> None:
        for pid in site.children(name):
            os.kill(pid, signal.SIGKILL)

    return kill


def _kill_everything(site: Site) -> None:
    """Kill the supervisor too, as a power cut does, and start again."""
    everything = site.children("")
    site.stop(signal.SIGKILL)
    _wait_until_gone(everything)
    site.start()


def _remove_workspaces(site: Site) -> None:
    for path in (site.instance / "workspaces").iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _migrate(site: Site) -> None:
    """Put the tables back to the first schema, and migrate them while site and worker go on."""
    flask = [sys.executable, "-m", "flask", "--app", "wsgi", "db"]
    for command in (["downgrade", "0001"], ["upgrade"]):
        subprocess.run([*flask, *command], cwd=ROOT, env=site.environment, check=True)


#: What happens in the middle of a scan, by a name for its reader.
BLOWS: dict[str, Callable[[Site], None]] = {
    "worker": _kill("tasks.worker"),
    "engine": _kill("scanner.engine.server"),
    "site": _kill("gunicorn"),
    "workspaces": _remove_workspaces,
    "everything": _kill_everything,
    "migration": _migrate,
}


@pytest.mark.timeout(600)
def test_a_scan_survives_each_blow_with_the_same_report(own_site: Site, http: HttpServer, smtp: SmtpServer) -> None:
    http.routes["/rules.tgz"] = content(trees.tar_gz(FILES))
    undisturbed = own_site.submit(http.url("/rules.tgz"))
    own_site.wait(undisturbed, "done", seconds=240)

    for name, strike in BLOWS.items():
        page = own_site.submit(http.url("/rules.tgz"), email=f"{name}@example.org")
        _wait_until_scanning(own_site, page)
        strike(own_site)
        _wait_for_site(own_site)
        status = own_site.wait(page, seconds=240)

        assert status["state"] == "done", (name, status)
        assert differences(_report(undisturbed), _report(page)) == [], name
    _wait_for_mails(smtp, len(BLOWS))
    assert sorted(to for (to,) in smtp.envelopes) == sorted(f"{name}@example.org" for name in BLOWS)


def test_a_mail_waits_for_its_server(tmp_path: Path, http: HttpServer) -> None:
    http.routes["/hello.tgz"] = content(trees.tar_gz(trees.PACKAGE))
    port = free_port()
    with Site(tmp_path / "instance", MAIL_SERVER="127.0.0.1", MAIL_PORT=str(port)) as site:
        page = site.submit(http.url("/hello.tgz"), email="patient@example.org")
        status = site.wait(page)
        with SmtpServer(port) as smtp:
            _wait_for_mails(smtp, 1)
            time.sleep(1)

    assert status["state"] == "done"
    assert smtp.envelopes == [["patient@example.org"]]


def test_stopping_leaves_no_process_and_a_second_start_finds_the_scan(tmp_path: Path, http: HttpServer) -> None:
    http.routes["/hello.tgz"] = content(trees.tar_gz(trees.PACKAGE))
    with Site(tmp_path / "instance") as site:
        page = site.submit(http.url("/hello.tgz"))
        site.wait(page, "done")
        everything = site.children("")
        code = site.stop(signal.SIGINT)
        _wait_until_gone(everything)
        site.start()
        status = site.status(page)

    assert code == 0
    assert status["state"] == "done"


def test_a_restart_need_not_wait_for_the_leases_of_those_who_were_stopped(tmp_path: Path, http: HttpServer) -> None:
    http.routes["/rules.tgz"] = content(trees.tar_gz(FILES))
    settings = {"LEASE_SECONDS": "600", "CACHE_BYTES": "0", "REUSE_REPORTS": "no"}
    with Site(tmp_path / "instance", **settings) as site:
        page = site.submit(http.url("/rules.tgz"))
        _wait_until_scanning(site, page)

        site.stop()
        site.start()

        assert site.wait(page, seconds=300)["state"] == "done"


def test_an_engine_that_is_killed_while_it_starts_is_started_again(tmp_path: Path) -> None:
    site = Site(tmp_path / "instance")
    start = threading.Thread(target=site.start)
    start.start()
    deadline = time.monotonic() + 60
    while not (hasattr(site, "process") and (engine := site.children("scanner.engine.server"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    os.kill(engine[0], signal.SIGKILL)

    start.join(60)
    try:
        assert any("Scanpost is ready" in line for line in site.log)
    finally:
        site.stop()


def test_no_process_outlives_a_consumer_that_is_killed(tmp_path: Path) -> None:
    with Site(tmp_path / "instance") as site:
        consumer, *workers = site.children("tasks.worker")
        engine = site.children("scanner.engine.server")

        os.kill(consumer, signal.SIGKILL)

        _wait_until_gone([*workers, *engine])
    assert workers
    assert engine


def test_mails_go_to_the_outbox_without_a_server(tmp_path: Path, http: HttpServer) -> None:
    http.routes["/hello.tgz"] = content(trees.tar_gz(trees.PACKAGE))
    with Site(tmp_path / "instance") as site:
        page = site.submit(http.url("/hello.tgz"), email="kept@example.org")
        site.wait(page, "done")
        deadline = time.monotonic() + 20
        while not (mails := list((site.instance / "outbox").glob("*.eml"))) and time.monotonic() < deadline:
            time.sleep(0.1)

    assert len(mails) == 1
    assert page.rsplit("/", 1)[1] in mails[0].read_text()
    assert any("outbox" in line for line in site.log)


def _wait_for_site(site: Site) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{site.url}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise AssertionError("the site did not come back")


def _wait_for_mails(smtp: SmtpServer, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(smtp.mails) < count and time.monotonic() < deadline:
        time.sleep(0.1)


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        left = [pid for pid in pids if _runs(pid)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"still running: {left}")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
