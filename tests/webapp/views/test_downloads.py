from __future__ import annotations

import gzip
import json
import threading
import zipfile
from fcntl import LOCK_EX, flock
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

from reports.formats import FORMATS
from tests.webapp.builders import a_report, a_scan
from webapp.models import Scan, State
from webapp.results import storage
from webapp.views import downloads


def fetched(client: FlaskClient, scan: Scan, name: str, encoding: str = "identity") -> bytes:
    with client.get(f"/scans/{scan.token}/report.{name}", headers={"Accept-Encoding": encoding}) as response:
        assert response.status_code == 200
        return response.data


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_can_be_had(client: FlaskClient, name: str) -> None:
    scan = a_report()

    with client.get(f"/scans/{scan.token}/report.{name}") as response:
        body = response.data

    assert response.status_code == 200
    assert response.mimetype == FORMATS[name].media_type
    assert response.headers["Content-Disposition"] == f'attachment; filename="app-1.0.tar.gz.{name}"'
    assert len(body) > 50


def test_each_format_is_offered_on_the_report(client: FlaskClient) -> None:
    scan = a_report()

    page = client.get(f"/scans/{scan.token}").text

    for name, format_ in FORMATS.items():
        assert f'href="/scans/{scan.token}/report.{name}"' in page
        assert format_.title in page


@pytest.mark.parametrize("name", ["json", "csv", "xlsx"])
def test_what_is_sent_packed_and_plain_is_the_same(client: FlaskClient, name: str) -> None:
    scan = a_report()

    plain, packed = (fetched(client, scan, name, encoding) for encoding in ("identity", "gzip"))

    assert plain == (packed if name == "xlsx" else gzip.decompress(packed))


def test_a_long_text_is_unpacked_whole(client: FlaskClient) -> None:
    scan = a_report(notes=["x" * 3_000_000])

    assert len(fetched(client, scan, "json")) > 3_000_000


def test_a_format_is_written_once(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = a_report()
    first = fetched(client, scan, "xlsx")
    monkeypatch.setattr(downloads, "_write", None)

    again = fetched(client, scan, "xlsx")

    assert again == first
    assert zipfile.ZipFile(BytesIO(again)).testzip() is None


def test_a_format_is_written_anew_after_its_writer_changed(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = a_report()
    fetched(client, scan, "csv")
    kept = storage().size(f"{scan.report}/formats")
    monkeypatch.setattr(downloads, "_writers", lambda: "another")

    fetched(client, scan, "csv")

    assert storage().size(f"{scan.report}/formats") > kept


def test_two_who_want_the_same_get_the_same(app: Flask) -> None:
    scan = a_report()
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetched(app.test_client(), scan, "yaml"))) for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1


def test_too_many_at_once_are_asked_to_come_back(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = a_report()
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    monkeypatch.setattr(downloads, "WRITERS", 1)
    folder = app.config["INSTANCE"] / "writers"
    folder.mkdir()
    with (folder / "0").open("w") as held:
        flock(held, LOCK_EX)
        response = client.get(f"/scans/{scan.token}/report.csv")

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


def test_a_writer_that_fails_leaves_nothing_behind(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = a_report()
    with storage().local(f"{scan.report}/report.sqlite") as path:
        path.chmod(0o600)
        path.write_bytes(b"this is no report")

    response = client.get(f"/scans/{scan.token}/report.csv")

    assert response.status_code == 500
    assert storage().size(f"{scan.report}/formats") == 0


def test_unknown_formats_are_not_found(client: FlaskClient) -> None:
    scan = a_report()

    for name in ("exe", "json.gz", "..", "spdx.json.", "%2e%2e%2fsecret_key"):
        assert client.get(f"/scans/{scan.token}/report.{name}").status_code == 404


@pytest.mark.parametrize("state", [state for state in State if state is not State.DONE])
def test_there_is_nothing_to_download_before_the_end(client: FlaskClient, state: State) -> None:
    scan = a_scan(state)

    response = client.get(f"/scans/{scan.token}/report.json")

    assert response.status_code == 404
    assert "no report" in response.json["error"]


def test_names_of_files_are_harmless(client: FlaskClient) -> None:
    scan = a_report(scan={"title": 'evil"; name=\r\n<x>/../app 1.0'})

    with client.get(f"/scans/{scan.token}/report.json") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="evil-name-x-..-app-1.0.json"'


def test_json_is_what_the_worker_left(client: FlaskClient) -> None:
    scan = a_report()

    found = json.loads(fetched(client, scan, "json"))

    assert found[0]["headers"][0]["tool_version"] == "32.5.0"


@pytest.mark.parametrize(
    ("state", "digest", "words"),
    [
        (State.SCANNING, None, "being scanned"),
        (State.FAILED, None, "no report"),
        (State.DONE, {"declared_license_spdx": "MIT", "categories": ["Permissive"]}, "MIT"),
        (State.DONE, {"declared_license_spdx": None, "categories": []}, "none declared"),
        (State.DONE, {"declared_license_spdx": "MIT AND " * 30, "categories": ["Permissive"]}, "several"),
        (State.DONE, {"declared_license_spdx": "<b>&", "categories": ["New"]}, "&lt;b&gt;&amp;"),
        (State.DONE, None, "none declared"),
    ],
)
def test_the_badge_says_the_answer(client: FlaskClient, state: State, digest: dict[str, object], words: str) -> None:
    scan = a_scan(state, digest=digest)

    response = client.get(f"/scans/{scan.token}/badge.svg")

    assert response.mimetype == "image/svg+xml"
    assert f"licence: {words}<" in response.text
    assert "public" in response.headers["Cache-Control"]
    assert "script" not in response.text
