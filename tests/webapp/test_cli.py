"""The operator's commands, and what the doctor sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests.servers.ports import free_port
from tests.servers.smtp import SmtpServer
from tests.webapp.builders import a_batch, a_report, a_scan
from tests.webapp.operations import OFFERS, a_worker, forget, migrated
from webapp import doctor
from webapp.doctor import Level
from webapp.extensions import db, writing
from webapp.models import JobState, OutMail, Scan, State, now
from webapp.results import storage

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Give a function that runs ``flask`` with these arguments."""

    def run(*arguments: str, typed: str = "") -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), input=typed)

    return run


def state_of(token: str) -> State | None:
    db.session.rollback()
    return db.session.query(Scan.state).filter(Scan.token == token).scalar()


# scans


def test_list_shows_the_newest_first_and_may_be_narrowed(run: Run) -> None:
    old = a_scan(State.DONE).token
    new = a_scan(State.QUEUED).token

    lines = run("scans", "list").output.splitlines()

    assert [line.split()[0] for line in lines] == [new, old]
    assert run("scans", "list", "--state", "done").output.split()[0] == old
    assert len(run("scans", "list", "--limit", "1").output.splitlines()) == 1


def test_show_tells_all_but_the_address(run: Run) -> None:
    scan = a_scan(
        State.SCANNING,
        asked="https://me:geheim@example.org/x.zip",
        address="ada@example.org",
        batches_total=2,
        owner="machine:1:ab",
        attempts=2,
    )
    a_batch(scan)

    result = run("scans", "show", scan.token[:8])

    assert result.exit_code == 0
    for words in (scan.token, "scanning", "0 of 2 done", "machine:1:ab", "to be sent when it ends", "0 of 16 files"):
        assert words in result.output
    assert "ada" not in result.output
    assert "geheim" not in result.output


def test_a_strangers_name_cannot_steer_the_terminal(run: Run) -> None:
    scan = a_scan(title="x\x1b[2J\nall is well")

    for result in (run("scans", "list"), run("scans", "show", scan.token)):
        assert "\x1b" not in result.output
        assert "\nall is well" not in result.output


def test_a_token_that_is_none_or_not_enough_is_an_error(run: Run) -> None:
    a_scan(token="abcd-one")
    a_scan(token="abcd-two")

    assert "No scan" in run("scans", "show", "xyz").output
    assert "2 scans" in run("scans", "show", "abcd").output
    assert run("scans", "show", "abcd").exit_code == 1
    # Wildcards of SQL are letters like any other here.
    assert "No scan" in run("scans", "show", "abcd_").output


def test_a_token_may_begin_with_a_dash(run: Run) -> None:
    a_scan(State.QUEUED, token="-bcDe_f")

    assert run("scans", "show", "-bcDe_f").exit_code == 0
    assert run("scans", "cancel", "-bcDe_f").exit_code == 0
    assert state_of("-bcDe_f") is State.CANCELLED


def test_retry_puts_back_what_failed(run: Run) -> None:
    failed = a_scan(State.FAILED, error_code="http-status").token

    assert run("scans", "retry", failed).exit_code == 0

    assert state_of(failed) is State.QUEUED


def test_retry_tells_what_it_left_alone(run: Run) -> None:
    scan = a_scan(State.SCANNING).token

    result = run("scans", "retry", scan)

    assert "left as it is" in result.output
    assert state_of(scan) is State.SCANNING


def test_retry_of_all_that_failed_leaves_out_what_cannot_succeed(run: Run) -> None:
    ours = a_scan(State.FAILED, error_code="engine-failed").token
    theirs = a_scan(State.FAILED, error_code="source-refused").token

    run("scans", "retry", "--failed")

    assert state_of(ours) is State.QUEUED
    assert state_of(theirs) is State.FAILED


def test_retry_of_the_unfinished_keeps_their_address(run: Run) -> None:
    scan = a_scan(State.SCANNING, address="ada@example.org", owner="dead:1:ab")
    a_batch(scan)
    done = a_report()

    run("scans", "retry", "--unfinished")

    db.session.expire_all()
    again = db.session.get_one(Scan, scan.id)
    assert (again.state, again.address, again.owner) == (State.QUEUED, "ada@example.org", None)
    assert again.batches == []
    assert state_of(done.token) is State.DONE


def test_cancel_ends_what_is_under_way(run: Run) -> None:
    scan = a_scan(State.SCANNING).token

    assert run("scans", "cancel", scan).exit_code == 0

    assert state_of(scan) is State.CANCELLED


def test_purge_asks_first_and_then_removes_everything(run: Run) -> None:
    scan = a_report()

    assert run("scans", "purge", scan.token, typed="n\n").exit_code == 1
    assert state_of(scan.token) is State.DONE

    assert run("scans", "purge", scan.token, typed="y\n").exit_code == 0
    assert state_of(scan.token) is None
    assert storage().size(scan.prefix) == 0


def test_purge_by_age_leaves_the_young_and_the_unfinished(run: Run) -> None:
    old = a_scan(State.FAILED, finished_at=now() - timedelta(days=8)).token
    young = a_scan(State.FAILED, finished_at=now() - timedelta(days=6)).token
    unfinished = a_scan(State.QUEUED, created_at=now() - timedelta(days=100)).token

    run("scans", "purge", "--days", "7", "--yes")

    assert state_of(old) is None
    assert state_of(young) is State.FAILED
    assert state_of(unfinished) is State.QUEUED


def test_purge_of_a_scan_under_way_ends_it(run: Run) -> None:
    scan = a_scan(State.SCANNING).token

    assert run("scans", "purge", "--yes", scan).exit_code == 0

    assert state_of(scan) is None


def test_sweep_sweeps(run: Run) -> None:
    old = a_scan(State.FAILED, finished_at=now() - timedelta(days=1000)).token

    assert run("scans", "sweep").exit_code == 0

    assert state_of(old) is None


# doctor


@pytest.fixture
def mail_server(app: Flask) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        app.config |= {
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": server.port,
            "MAIL_DEFAULT_SENDER": "Scanpost <scanpost@example.org>",
        }
        yield server


@pytest.fixture
def healthy(app: Flask, mail_server: SmtpServer) -> Flask:
    """A deployment with nothing to mend."""
    migrated()
    a_worker()
    app.config["INSTANCE"].chmod(0o700)
    return app


def sentences(level: Level = Level.PROBLEM) -> str:
    forget()
    return "\n".join(finding.sentence for finding in doctor.examine() if finding.level is level)


def test_a_healthy_deployment_has_no_problem(healthy: Flask, run: Run) -> None:
    result = run("doctor")

    assert result.exit_code == 0, result.output
    assert "problem" not in result.output
    assert "The mail server" in result.output


def test_a_problem_is_told_with_what_to_do_and_ends_in_1(app: Flask, run: Run) -> None:
    result = run("doctor")

    assert result.exit_code == 1
    assert "run `flask --app wsgi db upgrade`" in result.output
    assert "to be mended" in result.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"HOST": "0.0.0.0"}, "leads readers to themselves"),
        ({"BASE_URL": "https://scan.example.org"}, "TRUSTED_PROXIES is 0"),
        ({"SECRET_KEY": "short"}, "shorter than 32"),
        ({"DISK_RESERVE": 10**18}, "must stay free"),
        ({"MAIL_PORT": 1}, "does not take us"),
    ],
)
def test_it_sees_what_must_be_mended(healthy: Flask, changes: dict[str, object], words: str) -> None:
    assert words not in sentences()
    healthy.config |= changes

    assert words in sentences()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MAIL_SERVER": ""}, "No MAIL_SERVER"),
        ({"MAIL_DEFAULT_SENDER": "x@localhost"}, "most mail servers refuse"),
        ({"BASE_URL": "http://scan.example.org", "HOST": "0.0.0.0"}, "in the clear"),
        ({"BASE_URL": "https://scan.example.org", "HOST": "0.0.0.0", "TRUSTED_PROXIES": 1}, "past the proxy"),
        ({"OPERATOR_PASSWORD": "short"}, "OPERATOR_PASSWORD"),
        ({"SCAN_PROCESSES": 100_000}, "of memory"),
    ],
)
def test_it_warns(healthy: Flask, changes: dict[str, object], words: str) -> None:
    assert words not in sentences(Level.WARNING)
    healthy.config |= changes

    assert words in sentences(Level.WARNING)


def test_it_sees_that_no_worker_is_alive(healthy: Flask) -> None:
    db.session.execute(db.text("DELETE FROM worker"))
    db.session.commit()

    assert "No worker is alive" in sentences()


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        ({"settings": {}}, Level.PROBLEM, "another SECRET_KEY"),
        ({"clock_off": 3600.0}, Level.PROBLEM, "off the database's by +3600"),
        ({"engine_starts": 9}, Level.WARNING, "started 9 times"),
        ({"offers": {**OFFERS, "landlock": 0}}, Level.WARNING, "Landlock is missing"),
        ({"offers": {**OFFERS, "git": False}}, Level.WARNING, "git is not installed"),
    ],
)
def test_it_sees_what_is_wrong_with_a_worker(
    healthy: Flask, values: dict[str, object], level: Level, words: str
) -> None:
    assert words not in sentences(level)
    a_worker(name="other:7:cd", **values)

    assert words in sentences(level)
    assert "other:7" in sentences(level)


def test_it_sees_a_worker_with_another_base_url(healthy: Flask) -> None:
    healthy.config["BASE_URL"] = "http://localhost:9"

    assert "another BASE_URL" in sentences()


def test_it_sees_that_the_database_is_damaged(healthy: Flask) -> None:
    db.session.remove()
    db.engine.dispose()
    path = Path(healthy.config["INSTANCE"]) / "scanpost.sqlite"
    pages = bytearray(path.read_bytes())
    # The table of scans itself stays readable; one of its indexes loses an entry.
    import sqlite3

    with sqlite3.connect(path) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_scan_state'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    pages[(root - 1) * size : root * size] = b"\x05" * size
    path.write_bytes(pages)
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink(missing_ok=True)

    text = sentences()

    assert "damaged" in text or "malformed" in text


def test_it_sees_that_git_is_missing(healthy: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert "git is not installed" in sentences(Level.WARNING)


def test_it_sees_work_that_does_not_go_on(healthy: Flask) -> None:
    a_scan(State.QUEUED, created_at=now() - timedelta(hours=1))
    done, given_up = a_report(), a_report()
    with writing() as session:
        session.add(OutMail(scan_id=done.id, message_id="<1@x>", created_at=now() - timedelta(hours=1)))
        session.add(OutMail(scan_id=given_up.id, message_id="<2@x>", state=JobState.GIVEN_UP))

    assert "waited 60 minutes" in sentences(Level.WARNING)
    assert "1 mails were given up" in sentences(Level.WARNING)
    assert "Mails have waited" in sentences()


def test_an_examination_that_fails_is_a_finding(healthy: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def _stars(_settings: object) -> doctor.Findings:
        raise OSError("no telescope")
        yield

    monkeypatch.setattr(doctor, "PARTS", (_stars,))

    assert "The examination of the stars failed: OSError: no telescope" in sentences()


def test_passwords_are_not_told(app: Flask, run: Run) -> None:
    app.config |= {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": free_port(), "MAIL_PASSWORD": "geheim"}

    assert "geheim" not in run("doctor").output
