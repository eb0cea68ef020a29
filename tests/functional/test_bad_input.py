"""Whatever is pasted: the scan ends soon, by name, with a sentence; nothing stays behind and the next one works."""

from __future__ import annotations

import io
import re
import tarfile
import time
import zipfile
from collections.abc import Callable

import pytest
import requests

from tests import trees
from tests.servers import http as answers
from tests.servers.http import HttpServer, Route, content
from tests.servers.ports import free_port
from tests.servers.site import Site


def _tar(*members: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return packed.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _deep(levels: int) -> bytes:
    return _tar(_member("a/" * levels + "x", size=1))


#: What the form itself refuses: the text, and a part of the sentence beside the field.
AT_THE_FORM = {
    "empty": ("", "address"),
    "not a URL": ("hello world", "address"),
    "ftp": ("ftp://example.org/x.zip", "ftp"),
    "file": ("file:///etc/passwd", "file"),
    "password": ("http://user:password@example.org/x.zip", "password"),
    "javascript": ("javascript:alert(1)", "javascript"),
    "port 22": ("http://example.org:22/x", "port"),
}

#: What the fetch refuses or the server does: a route, the expected error, and a part of its sentence.
AT_THE_FETCH: dict[str, tuple[Route, str, str]] = {
    "404": (answers.status(404), "http-status", "404"),
    "500": (answers.status(500), "http-status", "500"),
    "redirect loop": (answers.redirect("/x"), "fetch-failed", "redirect"),
    "redirect to metadata": (answers.redirect("http://169.254.169.254/latest"), "address-refused", "169.254.169.254"),
    "redirect to a file": (answers.redirect("file:///etc/passwd"), "", "file"),
    "endless body": (answers.endless(), "limit-exceeded", "3 MB"),
    "body shorter than said": (answers.lying_length(b"x" * 10, 1000), "fetch-failed", ""),
    "slow drip": (answers.drip(0.5), "timed-out", ""),
    "no answer": (answers.silent(20), "timed-out", ""),
    "empty file": (content(b""), "", "empty"),
}

#: What is in the archive, and the expected error.
IN_THE_ARCHIVE: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated zip": (lambda: trees.zipped(trees.PACKAGE)[:-80], "archive-broken"),
    "zip that climbs": (lambda: _zip({"../../evil.txt": b"x"}), "archive-refused"),
    "tar with an absolute name": (lambda: _tar(_member("/tmp/scanpost-evil", size=1)), "archive-refused"),
    "link out": (
        lambda: _tar(_member("l", tarfile.SYMTYPE, "../../.."), _member("l/evil", size=1)),
        "archive-refused",
    ),
    "a gigabyte of zeros": (lambda: _zip({"zeros": b"\0" * 1_000_000_000}), "limit-exceeded"),
    "many empty files": (lambda: _tar(*(_member(f"f/{n}") for n in range(20_000))), "limit-exceeded"),
    "1,500 levels": (lambda: _deep(1_500), "limit-exceeded"),
    "nothing but folders": (lambda: _tar(_member("empty", tarfile.DIRTYPE)), "archive-"),
}

#: What is odd, but ends in a report.
ODD = {
    "wrong extension": ("/x.zip", lambda: trees.tar_gz(trees.PACKAGE)),
    "device node": ("/x.tar.gz", lambda: _tar(_member("d/sda", tarfile.BLKTYPE), _member("d/x.py", size=3))),
    "markup in a name": ("/x.zip", lambda: _zip({"<script>alert(1)</script>.py": b"x = 1\n"})),
    "a name that is not UTF-8": ("/x.tgz", lambda: _tar(_member("caf\udce9.py", size=3), _member("b.py", size=3))),
}


def _left(site: Site, page: str) -> list[str]:
    """Return what a scan that is over left in the folder of workspaces, once a sweep has been there."""
    token = page.rsplit("/", 1)[1]
    deadline = time.monotonic() + 30
    while left := [path.name for path in (site.instance / "workspaces").glob(f"{token}*") if path.suffix != ".lock"]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return left


@pytest.mark.parametrize(("text", "part"), AT_THE_FORM.values(), ids=AT_THE_FORM)
def test_the_form_refuses_it_with_a_sentence_and_keeps_what_was_typed(site: Site, text: str, part: str) -> None:
    answer = _post(site, url=text)

    assert answer.status_code == 422
    assert part in answer.text.lower()
    if text:
        assert re.search(r'name="url"[^>]*value=', answer.text)


@pytest.mark.parametrize(
    "address", ["me@", "no-at-sign", "a@b@c.org", "me@example.org\r\nBcc: all@example.org", "x" * 400 + "@example.org"]
)
def test_the_form_refuses_an_address_that_is_none(site: Site, address: str) -> None:
    answer = _post(site, url="http://127.0.0.1:8000/x.zip", email=address)

    assert answer.status_code == 422
    assert "address" in answer.text.lower()


@pytest.mark.parametrize(("route", "code", "part"), AT_THE_FETCH.values(), ids=AT_THE_FETCH)
def test_a_fetch_that_fails_ends_in_a_sentence(
    site: Site, http: HttpServer, route: Route, code: str, part: str
) -> None:
    http.routes["/x"] = route

    page = site.submit(http.url("/x"))
    status = site.wait(page)

    assert status["state"] == "failed"
    assert part in status["error"]
    assert "Traceback" not in status["error"]
    assert status["error"] in _words(requests.get(page, timeout=30).text)


def test_an_unknown_host_and_a_refused_port_end_in_a_sentence(site: Site) -> None:
    for url in ("http://no-such-host.invalid/x.zip", f"http://127.0.0.1:{free_port()}/x.zip"):
        status = site.wait(site.submit(url))

        assert status["state"] == "failed"
        assert status["error"]


@pytest.mark.parametrize(("build", "code"), IN_THE_ARCHIVE.values(), ids=IN_THE_ARCHIVE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    site: Site, http: HttpServer, build: Callable[[], bytes], code: str
) -> None:
    http.routes["/x.bin"] = content(build())

    page = site.submit(http.url("/x.bin"))
    status = site.wait(page)

    assert status["state"] == "failed", status
    assert code in _error_codes(site, page)
    assert _left(site, page) == []


@pytest.mark.parametrize(("path", "build"), ODD.values(), ids=ODD)
def test_an_odd_archive_is_scanned_all_the_same(
    site: Site, http: HttpServer, path: str, build: Callable[[], bytes]
) -> None:
    http.routes[path] = content(build())

    page = site.submit(http.url(path))
    status = site.wait(page)

    assert status["state"] == "done", status
    answer = requests.get(page, timeout=30)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def _post(site: Site, **fields: str) -> requests.Response:
    with requests.Session() as session:
        page = session.get(site.url, timeout=30).text
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
        assert token
        return session.post(f"{site.url}/scans", {"csrf_token": token[1], **fields}, timeout=30, allow_redirects=False)


def _words(html: str) -> str:
    import html as entities

    return entities.unescape(re.sub(r"<[^>]*>", "", html))


def _error_codes(site: Site, page: str) -> str:
    import sqlite3

    connection = sqlite3.connect(site.instance / "scanpost.sqlite")
    try:
        token = page.rsplit("/", 1)[1]
        return str(connection.execute("select error_code from scan where token = ?", (token,)).fetchone()[0])
    finally:
        connection.close()
