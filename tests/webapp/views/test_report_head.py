"""What every page of a report says of itself, at its top and to those who preview its link."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.webapp.builders import a_report


def text_of(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.text


def test_a_shared_link_tells_the_answer(client: FlaskClient) -> None:
    digest = {"declared_license_spdx": "MIT", "categories": ["Permissive"], "clarity_score": 90}
    scan = a_report(scan={"digest": digest, "title": '"><b>'})

    page = text_of(client, f"/scans/{scan.token}")

    assert '<meta property="og:title" content="&#34;&gt;&lt;b&gt;: MIT">' in page
    assert "2 files, 1 licence, clarity 90 of 100" in page
    assert f'<meta property="og:url" content="http://127.0.0.1:8000/scans/{scan.token}">' in page


def test_the_version_and_the_digest_stand_at_the_top(client: FlaskClient) -> None:
    source = {"url": "https://example.org/a", "commit": "c0ffee" * 6 + "abcd", "sha256": "ab" * 32, "size": 1}
    scan = a_report(scan={"source": source})

    top = text_of(client, f"/scans/{scan.token}").partition('<nav class="tabs')[0]

    assert f'Commit <code title="{source["commit"]}">c0ffeec0ffee<' in top
    assert f'SHA-256 <code title="{source["sha256"]}">abababababab<' in top
