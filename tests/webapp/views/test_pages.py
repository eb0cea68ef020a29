from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from scanner import limits
from tests.webapp.builders import a_report, a_scan
from webapp.models import State

PAGES = ("/", "/what-can-be-scanned", "/how-it-works")


def every_page(client: FlaskClient) -> dict[str, str]:
    """Return the pages of a site that has a scan of each kind."""
    report = f"/scans/{a_report().token}"
    tabs = ("", "/licences", "/files", "/files?path=a", "/file?path=app/main.py", "/packages", "/errors", "/about")
    scans = [f"/scans/{a_scan(state).token}" for state in State if state is not State.DONE]
    addresses = [*PAGES, *(report + tab for tab in tabs), *scans, "/nowhere"]
    return {address: client.get(address).text for address in addresses}


def test_the_start_page_asks_one_thing(client: FlaskClient) -> None:
    page = client.get("/").text

    assert 'name="url"' in page
    assert 'name="email"' in page
    assert "(optional)" in page
    assert "field-error" not in page


def test_a_link_can_fill_the_field(client: FlaskClient) -> None:
    page = client.get("/", query_string={"url": 'https://example.org/"><b>.zip'}).text

    assert 'value="https://example.org/&#34;&gt;&lt;b&gt;.zip"' in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("text", "words"),
    [("https://example.org/a.zip", "a.zip"), ("", ""), ("ftp://x", ""), ("\x00", ""), ("x" * 5000, "")],
)
def test_it_says_back_what_it_understood(client: FlaskClient, text: str, words: str) -> None:
    response = client.get("/understood", query_string={"url": text})

    assert response.status_code == 200
    assert words in response.text
    assert "<" not in response.text


def test_every_limit_is_told(client: FlaskClient) -> None:
    page = client.get("/what-can-be-scanned").text

    for _, _, _, meaning in limits.table(limits.Limits()):
        assert meaning[1:].replace("'", "&#39;") in page
    assert "500 MB" in page


def test_no_page_has_a_script_or_a_style_of_its_own(client: FlaskClient) -> None:
    for address, page in every_page(client).items():
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), address
        assert "<style" not in page, address
        assert not re.search(r"\sstyle=", page), address
        assert not re.search(r"\son\w+=", page), address


def test_no_page_loads_anything_from_another_host(client: FlaskClient) -> None:
    for address, page in every_page(client).items():
        for loaded in re.findall(r'<(?:script|link|img|source|iframe)[^>]*?(?:src|href)="([^"]*)"', page):
            assert re.match(r"/[^/]", loaded), (address, loaded)


def test_every_page_has_a_title_a_language_and_one_heading(client: FlaskClient) -> None:
    for address, page in every_page(client).items():
        assert '<html lang="en">' in page, address
        assert re.search(r"<title>[^<]+</title>", page), address
        assert page.count("<h1") == 1, address


def test_every_id_is_used_once(client: FlaskClient) -> None:
    for address, page in every_page(client).items():
        ids = re.findall(r'\sid="([^"]*)"', page)
        assert len(ids) == len(set(ids)), address


def test_pages_of_scans_are_not_for_search_engines(client: FlaskClient) -> None:
    for address, page in every_page(client).items():
        assert ('name="robots" content="noindex' in page) is (address not in PAGES), address


def test_every_page_has_the_policy(client: FlaskClient) -> None:
    for address in (*PAGES, f"/scans/{a_report().token}", "/nowhere"):
        policy = client.get(address).headers["Content-Security-Policy"]

        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


def test_static_files_change_their_address_with_their_content(client: FlaskClient) -> None:
    page = client.get("/").text
    addresses = re.findall(r'(/static/[^"]*)"', page)

    for address in addresses:
        assert "?v=" in address
        with client.get(address) as response:
            assert response.status_code == 200
            assert response.cache_control.immutable


def test_other_peoples_files_have_their_licences() -> None:
    vendor = Path(__file__).parents[3] / "webapp" / "static" / "vendor"
    read = (vendor / "README.md").read_text()

    for file in vendor.iterdir():
        if file.suffix in (".js", ".css"):
            name = file.name.removesuffix(".js").removesuffix(".min").removesuffix(".css")
            assert (vendor / f"{name}.LICENSE").is_file(), file.name
            assert f"`{file.name}`" in read


@pytest.mark.parametrize("address", ["/nowhere", "/scans/x/y/z", "/static/nothing.css", "/nowhere.json"])
def test_what_is_not_there_is_said_so_in_the_same_clothes(client: FlaskClient, address: str) -> None:
    response = client.get(address)

    assert response.status_code == 404
    if address.endswith(".json"):
        assert set(response.json) == {"error"}
    else:
        assert "There is nothing at this address" in response.text
        assert "site-head" in response.text


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    response = client.post("/scans", data={"url": "x" * 200_000})

    assert response.status_code == 413
    assert "This is more than the form takes" in response.text


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    response = client.delete("/how-it-works")

    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_too_many_requests_are_told_when_to_come_back(app: Flask, client: FlaskClient) -> None:
    @app.get("/limited")
    def limited() -> None:
        from werkzeug.exceptions import TooManyRequests

        raise TooManyRequests("Ten scans an hour are enough.", retry_after=60)

    response = client.get("/limited")

    assert response.status_code == 429
    assert response.headers["Retry-After"] == "60"
    assert "Ten scans an hour are enough." in response.text


def test_a_fault_of_ours_shows_a_page_and_no_detail(app: Flask, client: FlaskClient) -> None:
    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret detail")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = client.get("/broken")

    assert response.status_code == 500
    assert "Something broke on our side" in response.text
    assert "secret" not in response.text


def test_a_database_that_is_away_asks_for_patience(app: Flask, client: FlaskClient) -> None:
    @app.get("/away.json")
    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("database is locked"))

    response = client.get("/away.json")

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "locked" not in response.json["error"]


def test_the_site_says_that_it_lives(client: FlaskClient) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.text) == (200, "ok\n")
