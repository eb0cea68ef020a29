"""The site behind a proxy that does TLS: what deploy/nginx.conf sends is what the site understands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

import config
from webapp import create_app
from webapp.extensions import db

#: As nginx sends it on; browsers send no Referer, because our pages ask them not to.
PROXIED: dict[str, Any] = {
    "base_url": "http://scan.example.org",
    "headers": {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"},
}


@pytest.fixture
def client(environment: dict[str, str]) -> Iterator[FlaskClient]:
    app = create_app(
        config.load(
            {**environment, "TRUSTED_PROXIES": "1", "BASE_URL": "https://scan.example.org", "HSTS_SECONDS": "60"}
        )
    )
    with app.app_context():
        db.create_all()
        yield app.test_client()
        db.session.remove()
        db.engine.dispose()


def cookie(client: FlaskClient) -> dict[str, str]:
    """Return the session's cookie, which the browser sends because to it the site is on https."""
    answer = client.get("/", **PROXIED)
    page, value = answer.text, answer.headers["Set-Cookie"]
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert found
    assert "Secure" in value
    assert "HttpOnly" in value
    return {"Cookie": value.split(";")[0], "token": found[1]}


def test_a_form_is_accepted_although_no_referer_came_with_it(client: FlaskClient) -> None:
    sent = cookie(client)
    headers = {**PROXIED["headers"], "Cookie": sent["Cookie"]}

    response = client.post(
        "/scans",
        data={"csrf_token": sent["token"], "url": "https://example.org/app-1.0.tar.gz"},
        base_url=PROXIED["base_url"],
        headers=headers,
    )

    assert response.status_code == 303
    assert response.headers["Strict-Transport-Security"] == "max-age=60"


def test_a_form_without_its_token_is_refused_all_the_same(client: FlaskClient) -> None:
    response = client.post("/scans", data={"url": "https://example.org/app-1.0.tar.gz"}, **PROXIED)

    assert response.status_code == 400


def test_the_client_is_who_the_proxy_says(client: FlaskClient) -> None:
    assert client.get("/metrics", **PROXIED).status_code == 403
    local = {**PROXIED, "headers": {**PROXIED["headers"], "X-Forwarded-For": "203.0.113.5, 127.0.0.1"}}
    assert client.get("/metrics", **local).status_code == 200
