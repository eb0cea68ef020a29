"""From the form to the report and the mail, through every process that takes part."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import requests

from tests import trees
from tests.packages import differences
from tests.servers.http import HttpServer, content
from tests.servers.site import Site
from tests.servers.smtp import SmtpServer


def test_a_pasted_archive_becomes_a_report_and_a_mail(site: Site, http: HttpServer, smtp: SmtpServer) -> None:
    http.routes["/hello-1.2.3.tgz"] = content(trees.tar_gz(trees.PACKAGE))

    page = site.submit(http.url("/hello-1.2.3.tgz"), email="reader@example.org")
    status = site.wait(page)

    assert status["state"] == "done"
    assert status["error"] is None
    assert status["files_done"] == status["files_total"] == 5
    report = requests.get(f"{page}/report.json", timeout=30).json()
    assert {f["path"] for f in report["files"] if f["type"] == "file"} == set(trees.PACKAGE)
    assert report["summary"]["declared_license_expression"] == "mit"
    assert [package["purl"] for package in report["packages"]] == ["pkg:npm/hello@1.2.3"]
    html = requests.get(page, timeout=30).text
    for words in ("MIT", "GPL-2.0-only", "Ada Lovelace", "Charles Babbage"):
        assert words in html
    mail = _mail_to(smtp, "reader@example.org")
    assert mail["Subject"].startswith("Your scan is done: MIT")
    assert page.replace(site.url, f"http://127.0.0.1:{site.port}") in mail.get_body(("plain",)).get_content()


def test_a_single_source_file_is_scanned_as_it_is(site: Site, http: HttpServer) -> None:
    http.routes["/other.c"] = content(trees.PACKAGE["hello/lib/other.c"].encode())

    page = site.submit(http.url("/other.c"))
    status = site.wait(page)

    assert status["state"] == "done"
    files = requests.get(f"{page}/report.json", timeout=30).json()["files"]
    assert [(f["path"], f["detected_license_expression_spdx"]) for f in files] == [("other.c", "GPL-2.0-only")]


def test_a_failed_scan_says_why_on_its_page_and_by_mail_and_can_be_tried_again(
    site: Site, http: HttpServer, smtp: SmtpServer
) -> None:
    page = site.submit(http.url("/missing.zip"), email="unlucky@example.org")
    failed = site.wait(page)
    mail = _mail_to(smtp, "unlucky@example.org")
    http.routes["/missing.zip"] = content(trees.zipped(trees.PACKAGE))
    _press(page, "retry")
    status = site.wait(page, "done")

    assert failed["state"] == "failed"
    assert "404" in failed["error"]
    assert "404" in mail.get_body(("plain",)).get_content()
    assert status["error"] is None


def test_known_findings_are_the_same_findings(site: Site, http: HttpServer) -> None:
    # Under another name it is another source, so that its files are scanned again, or taken from the cache.
    http.routes["/a.tgz"] = http.routes["/b.tgz"] = content(trees.tar_gz(trees.PACKAGE))

    pages = [site.submit(http.url(path)) for path in ("/a.tgz", "/b.tgz")]
    for page in pages:
        site.wait(page, "done")

    first, second = (requests.get(f"{page}/report.json", timeout=30).json() for page in pages)
    assert differences(first, second) == []


def test_equal_content_is_answered_at_once_and_tells_nothing_of_who_asked_before(site: Site, http: HttpServer) -> None:
    body = trees.tar_gz({**trees.PACKAGE, "hello/once.txt": "scanned once"})
    http.routes["/secret-place/same.tgz"] = http.routes["/other/same.tgz"] = content(body)
    first = site.submit(http.url("/secret-place/same.tgz"))
    site.wait(first, "done")

    second = site.submit(http.url("/other/same.tgz"))
    site.wait(second, "done")

    pages = [requests.get(f"{second}{part}", timeout=30).text for part in ("", "/about", "/files", "/report.json")]
    assert not [page for page in pages if "secret-place" in page]
    assert "/other/same.tgz" in pages[1].replace("<wbr>", "")
    assert "Equal content was scanned here" in pages[1]
    assert differences(requests.get(f"{first}/report.json", timeout=30).json(), json.loads(pages[3])) == []
    token = second.rsplit("/", 1)[1]
    assert any(token in line and "equal content" in line for line in site.log)


def test_addresses_are_forgotten_once_the_mail_is_gone(site: Site, http: HttpServer, smtp: SmtpServer) -> None:
    http.routes["/x.tgz"] = content(trees.tar_gz(trees.PACKAGE))
    page = site.submit(http.url("/x.tgz"), email="forgotten@example.org")
    site.wait(page, "done")
    _mail_to(smtp, "forgotten@example.org")

    # The mail is here a moment before its worker has noted so.
    deadline = time.monotonic() + 20
    while _rows_with_addresses(site) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert _rows_with_addresses(site) == 0
    assert "forgotten@" not in "".join(site.log)
    # Nor may it stay in the file where the row was.
    assert b"forgotten@" not in _database(site)


def _rows_with_addresses(site: Site) -> int:
    query = """
        select (select count(*) from scan where address is not null)
             + (select count(*) from out_mail where address is not null)
    """
    with closing(sqlite3.connect(site.instance / "scanpost.sqlite")) as connection:
        return int(connection.execute(query).fetchone()[0])


def _database(site: Site) -> bytes:
    """The bytes of the database once its write-ahead log has been written back into it."""
    file = site.instance / "scanpost.sqlite"
    with closing(sqlite3.connect(file, timeout=20)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not busy
    return file.read_bytes()


def _press(page: str, action: str) -> None:
    """Press a button of the page, as a browser without JavaScript does."""
    import re

    with requests.Session() as session:
        html = session.get(page, timeout=30).text
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', html)
        assert token
        answer = session.post(
            f"{page}/{action}", {"csrf_token": token[1]}, headers={"Referer": page}, allow_redirects=False, timeout=30
        )
        assert answer.status_code == 303, answer.text


def _mail_to(smtp: SmtpServer, address: str):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [mail for mail, to in zip(smtp.mails, smtp.envelopes, strict=True) if address in to]
        if found:
            assert len(found) == 1
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no mail to {address}")
