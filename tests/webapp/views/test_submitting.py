"""The form: what it takes, and what it says where it does not."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.submitting import URL, only_scan, submit
from webapp.models import State


def error_at(field: str, page: str) -> str:
    """Return what the page says is wrong with a field, if it says so where screen readers find it."""
    if f'aria-describedby="{field}-error' not in page:
        return ""
    found = re.search(rf'<p class="field-error" id="{field}-error">(.*?)</p>', page, re.DOTALL)
    return found[1] if found else ""


def test_a_submission_leads_to_its_page(client: FlaskClient) -> None:
    response = submit(client, email=" ada@EXAMPLE.org ")

    scan = only_scan()
    assert scan is not None
    assert response.status_code == 303
    assert response.location == f"/scans/{scan.token}"
    assert (scan.asked, scan.address, scan.state) == (URL, "ada@example.org", State.QUEUED)
    assert len(scan.token) >= 22


def test_white_space_around_the_address_does_not_count(client: FlaskClient) -> None:
    submit(client, url=f" \t{URL}\n ")

    scan = only_scan()
    assert scan is not None
    assert scan.asked == URL
    assert scan.address is None


@pytest.mark.parametrize(
    "url",
    ["", "   ", "hello", "ftp://example.org/x", "file:///etc/passwd", "javascript:alert(1)", "https://u:p@example.org/",
     "http://", "https://exa mple.org/x", f"https://example.org/{'x' * 2000}", "https://[::1/x", "\x00", "https://\udcff"],
)  # fmt: skip
def test_an_address_that_cannot_be_scanned_is_refused_at_its_field(client: FlaskClient, url: str) -> None:
    response = submit(client, url=url.encode("utf-8", "replace").decode(), email="ada@example.org")

    assert response.status_code == 422
    assert error_at("url", response.text).endswith(".")
    assert not error_at("email", response.text)
    assert 'value="ada@example.org"' in response.text
    assert only_scan() is None


@pytest.mark.parametrize(
    "email",
    ["ada", "ada@", "@example.org", "a b@example.org", "ada@example", "ada@example.org\r\nBcc: eve@example.org",
     "ada@example.org, eve@example.org", "ada@[127.0.0.1]", f"{'a' * 300}@example.org", "ada@exa\x00mple.org",
     '"<script>"@x.org'],
)  # fmt: skip
def test_a_bad_mail_address_is_refused_at_its_field(client: FlaskClient, email: str) -> None:
    response = submit(client, email=email)

    assert response.status_code == 422
    assert error_at("email", response.text)
    assert not error_at("url", response.text)
    assert f'value="{URL}"' in response.text
    assert only_scan() is None


def test_what_was_typed_comes_back_as_text(client: FlaskClient) -> None:
    response = submit(client, url='"><script>alert(1)</script>', email='"><script>alert(2)</script>')

    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert(1)" in response.text


def test_a_full_queue_keeps_what_was_typed(app: Flask, client: FlaskClient) -> None:
    app.config["QUEUE_LIMIT"] = 1
    submit(client)

    response = submit(client, url="https://example.org/second.zip", email="ada@example.org")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert 'value="https://example.org/second.zip"' in response.text
    assert 'value="ada@example.org"' in response.text


def test_a_form_without_its_token_is_returned_with_what_was_typed(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True

    response = submit(client, email="ada@example.org")

    assert response.status_code == 400
    assert "open for too long" in response.text
    assert f'value="{URL}"' in response.text
    assert only_scan() is None


def test_the_form_on_the_start_page_is_accepted_with_its_token(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/").text)
    assert token is not None

    response = submit(client, csrf_token=token[1])

    assert response.status_code == 303


def test_a_cookie_of_many_scans_still_fits(client: FlaskClient) -> None:
    with client.session_transaction() as session:
        session["scans"] = [f"{number:022}" for number in range(200)]

    response = submit(client)

    assert len(response.headers["Set-Cookie"]) < 4000
