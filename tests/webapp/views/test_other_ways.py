"""Files, texts and lists of addresses: the same page, the same limits."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from webapp.extensions import db
from webapp.models import Scan
from webapp.results import storage


def _scans() -> list[Scan]:
    return list(db.session.scalars(select(Scan).order_by(Scan.id)))


def _stored(scan: Scan) -> bytes:
    assert scan.source
    with storage().open(f"sources/{scan.source['sha256']}") as file:
        return file.read()


def _upload(client: FlaskClient, *files: tuple[bytes, str], **fields: str):  # type: ignore[no-untyped-def]
    data = {"upload-files": [(io.BytesIO(body), name) for body, name in files], **fields}
    return client.post("/other-ways/upload", data=data, content_type="multipart/form-data")


def test_an_uploaded_file_is_kept_byte_by_byte_and_leads_to_its_page(client: FlaskClient) -> None:
    answer = _upload(client, (b"\0\1\xff" * 100_000, "blob.bin"))

    (scan,) = _scans()
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith(scan.token)
    assert scan.title == "blob.bin"
    assert _stored(scan) == b"\0\1\xff" * 100_000


def test_several_files_become_one_scan(client: FlaskClient) -> None:
    _upload(client, (b"a", "a.c"), (b"b", "b.c"), (b"other a", "a.c"))

    (scan,) = _scans()
    with tarfile.open(fileobj=io.BytesIO(_stored(scan))) as packed:
        members = {name: packed.extractfile(name).read() for name in packed.getnames()}  # type: ignore[union-attr]
    assert sorted(members.values()) == [b"a", b"b", b"other a"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\evil", "/abs", "<script>", "\u202egnp.exe", "a" * 400])
def test_the_name_of_an_upload_leads_nowhere(client: FlaskClient, name: str) -> None:
    answer = _upload(client, (b"x", name))

    (scan,) = _scans()
    assert answer.status_code == 303
    assert "/" not in scan.title
    assert "\\" not in scan.title
    assert len(scan.title) < 256


def test_an_upload_over_the_limit_is_refused_with_a_page(app: Flask, client: FlaskClient) -> None:
    app.config["LIMITS"] = type(app.config["LIMITS"])(download_bytes=1000)

    answer = _upload(client, (b"x" * 200_000, "big"))

    assert answer.status_code == 413
    assert "larger than 1,000 bytes (the limit download_bytes)" in answer.text
    assert _scans() == []


@pytest.mark.parametrize("text", ["x" * 1_001, "é" * 501, "x" * 200_000])
def test_a_text_over_the_limit_is_refused_with_a_sentence(app: Flask, client: FlaskClient, text: str) -> None:
    app.config["LIMITS"] = type(app.config["LIMITS"])(pasted_bytes=1_000)

    answer = client.post("/other-ways/paste", data={"paste-text": text, "paste-name": "a.c"})

    assert answer.status_code in (413, 422)
    assert "1,000 bytes (the limit pasted_bytes)" in answer.text
    assert _scans() == []


def test_a_text_of_just_the_limit_is_scanned(app: Flask, client: FlaskClient) -> None:
    app.config["LIMITS"] = type(app.config["LIMITS"])(pasted_bytes=1_000)

    answer = client.post("/other-ways/paste", data={"paste-text": "é" * 500, "paste-name": "a.c"})

    assert answer.status_code == 303


def test_no_upload_is_read_while_nothing_can_be_accepted(app: Flask, client: FlaskClient) -> None:
    app.config["QUEUE_LIMIT"] = 0

    answer = _upload(client, (b"x", "a"))

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_an_upload_without_a_file_says_so(client: FlaskClient) -> None:
    answer = client.post("/other-ways/upload", data={}, content_type="multipart/form-data")

    assert answer.status_code == 422
    assert "Choose a file." in answer.text


def test_a_pasted_text_is_scanned_under_its_name(client: FlaskClient) -> None:
    answer = client.post("/other-ways/paste", data={"paste-text": "MIT\r\nLicense\r\n", "paste-name": "LICENSE"})

    (scan,) = _scans()
    assert answer.status_code == 303
    assert scan.title == "LICENSE"
    assert _stored(scan) == b"MIT\nLicense\n"


def test_each_line_of_a_list_is_a_scan_and_one_page_shows_all(client: FlaskClient) -> None:
    answer = client.post("/other-ways/list", data={"list-urls": "https://x.org/a.zip\r\n\r\n  https://x.org/b.zip\r\n"})
    page = client.get(answer.headers["Location"])

    assert answer.status_code == 303
    assert [scan.asked for scan in _scans()] == ["https://x.org/a.zip", "https://x.org/b.zip"]
    for scan in _scans():
        assert f"/scans/{scan.token}" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_a_list_with_one_bad_line_names_it_and_starts_nothing(client: FlaskClient) -> None:
    answer = client.post("/other-ways/list", data={"list-urls": "https://x.org/a.zip\nfile:///etc/passwd"})

    assert answer.status_code == 422
    assert "Line 2" in answer.text
    assert "file:///etc/passwd" in answer.text
    assert _scans() == []


def test_a_list_that_is_too_long_is_refused(client: FlaskClient) -> None:
    answer = client.post("/other-ways/list", data={"list-urls": "https://x.org/a.zip\n" * 101})

    assert answer.status_code == 422
    assert "These are 101 addresses, more than 100 addresses (the limit listed_addresses)." in answer.text


def test_an_upload_that_failed_can_be_tried_again_without_being_sent_again(client: FlaskClient) -> None:
    _upload(client, (b"x", "a.c"))
    (scan,) = _scans()
    client.post(f"/scans/{scan.token}/cancel")

    client.post(f"/scans/{scan.token}/retry")

    db.session.expire_all()
    (scan,) = _scans()
    assert scan.state.value == "queued"
    assert _stored(scan) == b"x"


def test_a_list_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    assert client.get("/lists/none").status_code == 404


def test_each_address_of_a_list_counts_for_the_limit(app: Flask, client: FlaskClient) -> None:
    app.config["RATE_SUBMIT"] = "3 per hour"
    stranger = {"REMOTE_ADDR": "203.0.113.7"}
    several = {"list-urls": "https://example.org/a.zip\nhttps://example.org/b.zip"}

    first = client.post("/other-ways/list", data=several, environ_base=stranger)
    second = client.post("/other-ways/list", data=several, environ_base=stranger)

    assert (first.status_code, second.status_code) == (303, 429)
    assert len(_scans()) == 2


def test_as_many_addresses_as_a_list_takes_can_be_sent_by_default(app: Flask, client: FlaskClient) -> None:
    count = app.config["LIMITS"].listed_addresses
    several = {"list-urls": "".join(f"https://example.org/{number}.zip\n" for number in range(count))}

    answer = client.post("/other-ways/list", data=several, environ_base={"REMOTE_ADDR": "203.0.113.7"})

    assert answer.status_code == 303


def test_what_is_sent_lies_on_the_disk_of_the_instance_meanwhile(app: Flask) -> None:
    with app.test_request_context("/other-ways/upload", method="POST") as context:
        stream = context.request._get_file_stream(1_000_000, None)
        stream.write(b"x" * 1_000_000)
        place = os.readlink(f"/proc/self/fd/{stream.fileno()}")
        stream.close()

    assert place.startswith(str(app.config["INSTANCE"] / "tmp"))
