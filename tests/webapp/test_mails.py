"""What the mails say, and who gets none."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable

import lxml.html
import pytest
from flask import Flask
from flask.testing import FlaskClient

from reports.words import clean
from tasks import mails as tasks
from tests.naughty import NAUGHTY
from tests.servers.smtp import SmtpServer
from webapp import mails
from webapp.extensions import db, mail
from webapp.models import JobState, OutMail, Scan, State

DIGEST = {
    "declared_license_spdx": "MIT",
    "categories": ["Permissive"],
    "clarity_score": 90,
    "packages": 1,
    "dependencies": 2,
    "errors": 0,
    "licenses": [{"name": "MIT", "files": 3}],
    "to_look_at": ["No licence was detected in 1 file of 4."],
}
#: Headers, and parts of headers, that are a mail's own.
OWN = ("Message-ID", "Date", "Content-Type", "List-Unsubscribe")
TAGS = {
    "html",
    "head",
    "title",
    "meta",
    "body",
    "div",
    "p",
    "strong",
    "br",
    "a",
    "table",
    "tr",
    "td",
    "ul",
    "li",
    "tbody",
}
ATTRIBUTES = {"lang", "charset", "name", "content", "style", "href", "cellpadding", "cellspacing", "align", "role"}
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")


@pytest.fixture
def add(app: Flask) -> Callable[..., OutMail]:
    def add(**values: object) -> OutMail:
        defaults = {"asked": "http://x.org/a.zip", "title": "a.zip", "files_total": 4, "address": "me@example.org"}
        scan = Scan(**{**defaults, "state": State.DONE, "digest": DIGEST, **values})
        db.session.add(scan)
        db.session.flush()
        out = OutMail(scan_id=scan.id, address="me@example.org", message_id="<1@example.org>")
        db.session.add(out)
        db.session.commit()
        return out

    return add


def _parsed(out: OutMail) -> email.message.EmailMessage:
    message = mails.build(out, out.scan)
    return email.message_from_bytes(message.as_bytes(), policy=email.policy.default)  # type: ignore[return-value]


def test_it_answers_the_question_in_the_subject_and_the_first_lines(add: Callable[..., OutMail]) -> None:
    message = _parsed(add())

    assert message["Subject"] == "Your scan is done: MIT, clarity 90/100"
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert text.splitlines()[:2] == ["a.zip was scanned.", "Declared licence: MIT (Permissive), clarity 90 of 100."]
    assert "- MIT: 3 files" in text
    assert "- No licence was detected in 1 file of 4." in text


def test_a_failed_scan_has_the_sentence_of_its_page(add: Callable[..., OutMail]) -> None:
    message = _parsed(add(state=State.FAILED, digest=None, error="x.org answered 404.", advice="Check the address."))

    assert message["Subject"] == "Your scan could not be finished"
    assert "x.org answered 404." in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "x.org answered 404." in message.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_no_text_of_a_stranger_gets_into_a_header_or_runs_in_the_body(add: Callable[..., OutMail]) -> None:
    message = _parsed(add(title="x\r\nBcc: all@example.org\r\n<script>alert(1)</script>"))

    assert message["Bcc"] is None
    assert "script" not in str(message["Subject"])
    assert "<script>" not in message.get_body(("html",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize("state", [State.DONE, State.FAILED])
def test_no_naughty_text_gets_out_of_its_place_in_a_mail(app: Flask, add: Callable[..., OutMail], state: State) -> None:
    digest = {**DIGEST, "to_look_at": list(NAUGHTY)}
    base = app.config["BASE_URL"]
    plain = _parsed(add(state=state, error="Broken.", advice="Mend it."))

    for text in map(clean, NAUGHTY):
        message = _parsed(add(state=state, title=text, digest=digest, error=f"{text} is gone.", advice=f"Mend {text}."))

        assert [(name, value) for name, value in message.items() if name not in OWN] == [
            (name, value) for name, value in plain.items() if name not in OWN
        ]
        page = lxml.html.fromstring(message.get_body(("html",)).get_content())  # type: ignore[union-attr]
        assert not {it.tag for it in page.iter() if isinstance(it.tag, str)} - TAGS
        assert not {key for it in page.iter() for key in it.attrib} - ATTRIBUTES
        assert all(link.startswith(f"{base}/") or link == base for link in page.xpath("//@href | //@src"))
        for part in (page.text_content(), message.get_body(("plain",)).get_content()):  # type: ignore[union-attr]
            assert not INVISIBLE.search(part.replace("\r\n", "\n")), ascii(part)
            assert "Bcc" not in [line.partition(":")[0] for line in part.splitlines()]


def test_the_link_comes_from_the_settings(app: Flask, add: Callable[..., OutMail]) -> None:
    app.config["BASE_URL"] = "https://scans.example.org"
    out = add()

    with app.test_request_context(headers={"Host": "evil.example"}):
        text = mails.build(out, out.scan).body or ""

    assert f"https://scans.example.org/scans/{out.scan.token}" in text
    assert "evil" not in text


def test_a_mail_that_is_sent_twice_is_the_same_mail(add: Callable[..., OutMail]) -> None:
    out = add()

    first, second = _parsed(out), _parsed(out)

    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])


def test_whoever_opts_out_gets_no_more(app: Flask, client: FlaskClient, add: Callable[..., OutMail]) -> None:
    out = add()
    stop = _parsed(out)["List-Unsubscribe"].strip().strip("<>").removeprefix(app.config["BASE_URL"])

    asked = client.get(stop)
    assert not mails.opted_out("me@example.org")
    answer = client.post(stop, data={"List-Unsubscribe": "One-Click"})

    assert asked.status_code == answer.status_code == 200
    with pytest.raises(mails.AddressRefused):
        mails.check_address("ME@example.org")
    tasks.deliver.call_local()
    db.session.expire_all()
    assert db.session.get_one(OutMail, out.id).state is JobState.GIVEN_UP
    assert db.session.get_one(OutMail, out.id).address is None


def test_nobody_fills_the_table_of_those_who_opted_out(app: Flask, client: FlaskClient) -> None:
    answers = [client.post(f"/mails/stop/{number:032x}").status_code for number in range(61)]

    assert answers == [200] * 60 + [429]


def test_an_address_gets_so_many_mails_a_day(app: Flask) -> None:
    app.config["MAILS_PER_DAY"] = 2
    mails.check_address("me@example.org")
    mails.check_address("me@example.org")

    with pytest.raises(mails.AddressRefused, match="today"):
        mails.check_address("me@example.org")

    mails.check_address("you@example.org")


@pytest.mark.parametrize(("refusal", "state"), [("451 later", JobState.WAITING), ("554 no", JobState.WAITING)])
def test_a_mail_that_was_not_taken_is_kept_for_later(
    app: Flask, add: Callable[..., OutMail], refusal: str, state: JobState
) -> None:
    out = add()
    with SmtpServer() as smtp:
        smtp.refusal = refusal
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=smtp.port)
        mail.init_app(app)
        tasks.deliver.call_local()

    db.session.expire_all()
    kept = db.session.get_one(OutMail, out.id)
    assert kept.state is state
    assert kept.next_at > 0
    assert kept.address == "me@example.org"


def test_a_mail_that_cannot_be_built_waits_instead_of_being_tried_without_end(
    app: Flask, add: Callable[..., OutMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = add()
    tries = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise RuntimeError("a template broke")

    monkeypatch.setattr(mails, "build", fail)
    tasks.deliver.call_local()

    db.session.expire_all()
    assert db.session.get_one(OutMail, out.id).state is JobState.WAITING
    assert len(tries) == 1
