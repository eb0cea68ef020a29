"""Commands for the operator: ``flask scans …`` and ``flask doctor``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select, update

from webapp.extensions import db, writing
from webapp.logs import Scrubber, plain
from webapp.models import FINAL, Batch, OutMail, Scan, State, now

scans = AppGroup("scans", help="Look after the scans.")

#: Tokens may begin with a dash, and are no options then.
_TOKENS: dict[str, Any] = {"context_settings": {"ignore_unknown_options": True}}
_scrub = Scrubber()


def register(app: Flask) -> None:
    """Add the commands to ``app``."""
    app.cli.add_command(scans)
    app.cli.add_command(doctor)


@scans.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only those in this state.")
@click.option("--limit", default=50, show_default=True, help="The newest so many.")
def list_scans(state: str | None, limit: int) -> None:
    """List scans, the newest first."""
    query = select(Scan).order_by(Scan.id.desc()).limit(limit)
    if state:
        query = query.where(Scan.state == State(state))
    for scan in db.session.scalars(query):
        files = f"{scan.files_total} files" if scan.files_total is not None else ""
        line = (
            f"{scan.token}  {scan.state.value:<10}  {scan.created_at:%Y-%m-%d %H:%M}  {files:>12}  {_text(scan.title)}"
        )
        click.echo(line)


@scans.command("show", **_TOKENS)
@click.argument("token")
def show(token: str) -> None:
    """Show all that is known of one scan. TOKEN may be cut short."""
    scan = _find(token)
    for name, value in _facts(scan):
        if value not in (None, ""):
            click.echo(f"{name + ':':<12} {_text(str(value))}")


def _facts(scan: Scan) -> Iterator[tuple[str, Any]]:
    source = scan.source or {}
    yield "token", scan.token
    yield "state", scan.state.value
    yield "asked", scan.asked
    yield "title", scan.title
    yield "submitted", scan.created_at
    yield "started", scan.started_at
    yield "finished", scan.finished_at
    yield "fetched", f"{scan.bytes_done} bytes, sha256 {source.get('sha256')}" if source else None
    yield "files", scan.files_total
    yield "batches", f"{scan.batches_done} of {scan.batches_total} done" if scan.batches_total else None
    yield "worker", scan.owner
    yield "attempts", f"{scan.attempts}, of which {scan.failures} failed" if scan.attempts else None
    yield "error", f"{scan.error} ({scan.error_code})" if scan.error else None
    # The address itself is nobody's business, not even the operator's.
    yield "mail", _mail(scan)
    for batch in db.session.scalars(select(Batch).where(Batch.scan_id == scan.id).order_by(Batch.number)):
        yield f"batch {batch.number}", f"{batch.state.value}, {batch.files_done} of {batch.files} files, {batch.owner}"


def _mail(scan: Scan) -> str:
    out = db.session.scalar(select(OutMail).where(OutMail.scan_id == scan.id))
    if out is not None:
        return f"{out.state.value}, tried {out.attempts} times"
    return "to be sent when it ends" if scan.address else "none"


@scans.command("retry", **_TOKENS)
@click.argument("tokens", nargs=-1)
@click.option("--failed", is_flag=True, help="All that failed because of us, not of what was submitted.")
@click.option("--unfinished", is_flag=True, help="All that are not over; after a restore from a backup.")
def retry(tokens: tuple[str, ...], failed: bool, unfinished: bool) -> None:
    """Put scans that ended without a report into the queue again."""
    from tasks import scans as tasks

    chosen = [_find(token) for token in tokens]
    if failed:
        chosen += _all(Scan.state == State.FAILED, Scan.error_code.in_(("failed", "engine-failed", "not-stored")))
    if unfinished:
        waiting = _all(Scan.state.not_in(FINAL))
        with writing() as session:
            for scan in waiting:
                # Whoever still works on it loses it here; it begins again from the fetch.
                session.execute(update(Scan).where(Scan.id == scan.id).values(state=State.FAILED, owner=None))
        chosen += waiting
    _each(chosen, tasks.retry, "is in the queue again")


@scans.command("cancel", **_TOKENS)
@click.argument("tokens", nargs=-1, required=True)
def cancel(tokens: tuple[str, ...]) -> None:
    """End scans that are not over."""
    from tasks import scans as tasks

    _each([_find(token) for token in tokens], tasks.cancel, "is cancelled, if it was not over")


@scans.command("purge", **_TOKENS)
@click.argument("tokens", nargs=-1)
@click.option("--days", type=click.IntRange(0), help="All that ended more than so many days ago.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(tokens: tuple[str, ...], days: int | None, yes: bool) -> None:
    """Remove scans with all that they left: rows, sources, reports."""
    from tasks import scans as tasks
    from tasks import sweep

    chosen = [_find(token) for token in tokens]
    if days is not None:
        chosen += _all(Scan.state.in_(FINAL), Scan.finished_at < now() - timedelta(days=days))
    if chosen and not yes:
        click.confirm(f"Remove {len(chosen)} scans for good?", abort=True)

    def remove(scan: Scan) -> None:
        if not scan.state.final:
            tasks.cancel(scan)
        sweep.remove(scan)

    _each(chosen, remove, "is removed")


@scans.command("sweep")
def sweep() -> None:
    """Put back to work what was left lying, and remove what is too old."""
    from tasks import sweep

    sweep.run()
    click.echo("Swept.")


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Say what is wrong with this deployment, in words. The exit code is 1 if something must be mended."""
    from webapp.doctor import Level, examine

    # What it would log, it says.
    logging.getLogger("webapp.readiness").setLevel(logging.ERROR)
    colours = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}
    problems = 0
    for finding in examine():
        problems += finding.level is Level.PROBLEM
        click.echo(f"{click.style(f'{finding.level.value:<8}', fg=colours[finding.level])} {_text(finding.sentence)}")
        if finding.advice:
            click.echo(f"{'':<8} → {_text(finding.advice)}")
    if problems:
        raise click.ClickException(f"{problems} to be mended.")


def _find(token: str) -> Scan:
    """Return the one scan whose token begins so."""
    found = _all(Scan.token.startswith(token, autoescape=True))
    exact = [scan for scan in found if scan.token == token]
    if len(exact or found) > 1:
        raise click.ClickException(f"{len(found)} scans have a token that begins with {token!r}: give more of it.")
    if not found:
        raise click.ClickException(f"No scan has a token that begins with {token!r}.")
    return (exact or found)[0]


def _all(*conditions: Any) -> list[Scan]:
    return list(db.session.scalars(select(Scan).where(*conditions).order_by(Scan.id)))


def _each(chosen: list[Scan], act: Callable[[Scan], bool | None], done: str) -> None:
    if not chosen:
        click.echo("There is none.")
    for scan in chosen:
        token = scan.token
        # Some tell whether there was anything to do.
        click.echo(f"{token} {'is left as it is' if act(scan) is False else done}.")


def _text(text: str) -> str:
    """Return a stranger's text fit for a terminal: without control characters, and without passwords."""
    return plain(_scrub(text))
