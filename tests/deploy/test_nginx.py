"""The site behind nginx, as deploy/nginx.conf has it: only names, ports and places of files are others here."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.servers.ports import free_port
from tests.servers.tls import Authority

pytestmark = pytest.mark.nginx

ROOT = Path(__file__).resolve().parents[2]
#: Around what Debian includes from /etc/nginx/conf.d.
AROUND = """
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/scanpost.conf;
}}
"""


@dataclass
class Front:
    """Where nginx answers, what it trusts, and its log."""

    plain: str
    url: str
    authority: Path
    log: Path

    def session(self, source: str = "127.0.0.1") -> requests.Session:
        """Return a browser at this address of loopback."""
        session = requests.Session()
        session.verify = str(self.authority)
        # The environment may name other authorities, which would take precedence.
        session.trust_env = False
        adapter = HTTPAdapter()
        adapter.init_poolmanager(4, 4, source_address=(source, 0))
        session.mount("https://", adapter)
        return session


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Run the site and nginx before it."""
    folder = tmp_path_factory.mktemp("nginx")
    site, plain, tls = free_port(), free_port(), free_port()
    authority = Authority(folder)
    certificate = authority.pem("127.0.0.1")
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for here, there in {
        "127.0.0.1:8000": f"127.0.0.1:{site}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen [::]:80;": "",
        "listen 443 ssl": f"listen 127.0.0.1:{tls} ssl",
        "listen [::]:443 ssl http2;": "",
        "scan.example.org;": "127.0.0.1;",
        "/etc/letsencrypt/live/scan.example.org/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/scan.example.org/privkey.pem": str(certificate),
        "/var/log/nginx/": f"{folder}/",
        "https://$host$request_uri": f"https://$host:{tls}$request_uri",
    }.items():
        assert here in text
        text = text.replace(here, there)
    (folder / "scanpost.conf").write_text(text)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=getpass.getuser()))
    environment = {
        "PATH": os.environ["PATH"],
        "INSTANCE": str(folder / "instance"),
        "PORT": str(site),
        "BASE_URL": f"https://127.0.0.1:{tls}",
        "TRUSTED_PROXIES": "1",
        "DISK_RESERVE": "0",
    }
    flask = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    subprocess.run(flask, cwd=ROOT, env=environment, check=True, capture_output=True)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]
    nginx = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with (
        subprocess.Popen(gunicorn, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as behind,
        subprocess.Popen(nginx, stderr=subprocess.DEVNULL) as before,
    ):
        found = Front(f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", authority.path, folder / "scanpost.log")
        try:
            _wait(found, before)
            yield found
        finally:
            before.terminate()
            behind.terminate()


def _wait(front: Front, nginx: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and nginx.poll() is None:
        try:
            if front.session().get(f"{front.url}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    pytest.fail("the site did not answer through nginx")


def submit(front: Front, session: requests.Session, address: str = "https://example.org/a.zip") -> requests.Response:
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', session.get(front.url).text)
    assert token
    return session.post(
        f"{front.url}/scans",
        {"csrf_token": token[1], "url": address},
        # Without it browsers' forms are refused over TLS.
        headers={"Referer": front.url, "X-Forwarded-For": "192.0.2.7"},
        allow_redirects=False,
    )


def test_plain_http_leads_to_the_same_page_over_tls(front: Front) -> None:
    answer = requests.get(f"{front.plain}/scans/x?y=1", allow_redirects=False, timeout=10)

    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{front.url}/scans/x?y=1"


def test_a_form_goes_through_and_its_page_is_not_in_the_log(front: Front) -> None:
    session = front.session()
    answer = submit(front, session)
    page = session.get(front.url + answer.headers["Location"])
    token = answer.headers["Location"].rpartition("/")[2]

    assert answer.status_code == 303
    assert "example.org" in page.text
    assert all(cookie.secure for cookie in session.cookies)
    assert "POST /scans" in front.log.read_text()
    assert token not in front.log.read_text()


def test_a_large_upload_goes_through_and_a_large_form_does_not(front: Front) -> None:
    session = front.session()
    token = re.search(r'name="(\S*csrf_token)"[^>]* value="([^"]+)"', session.get(f"{front.url}/other-ways").text)
    assert token
    sent = session.post(
        f"{front.url}/other-ways/upload",
        {token[1]: token[2]},
        files={token[1].replace("csrf_token", "files"): ("large.py", b"x = 1\n" * 500_000)},
        headers={"Referer": front.url},
        allow_redirects=False,
    )
    refused = session.post(f"{front.url}/scans", {"url": "x" * 8_000_000})

    assert sent.status_code == 303
    assert refused.status_code == 413


def test_what_is_for_the_operator_is_for_its_own_machines(front: Front) -> None:
    answers = [front.session(source).get(f"{front.url}/metrics") for source in ("127.0.0.1", "127.0.0.2")]

    assert [answer.status_code for answer in answers] == [200, 403]


def test_an_address_that_a_client_claims_does_not_count(front: Front) -> None:
    """One that believed it would let each request be another client's."""
    mine = [submit(front, front.session("127.0.0.3"), f"https://example.org/{number}.zip") for number in range(2)]
    other = submit(front, front.session("127.0.0.4"), "https://example.org/other.zip")
    time.sleep(1.1)  # The order of the queue is worked out once a second.
    pages = [answer.headers["Location"] for answer in (mine[0], other, mine[1])]
    places = [front.session().get(f"{front.url}{page}/status.json").json()["position"] for page in pages]

    # Another client's first goes before this one's second.
    assert places == sorted(places)
    assert len(set(places)) == 3
