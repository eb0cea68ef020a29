"""A scan from its submission to its end: one page that waits, or says why not, or is the report."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from scanner.errors import SourceRefused
from tasks import scans as tasks
from tasks import sweep
from webapp.forms import ScanForm
from webapp.mails import AddressRefused
from webapp.models import Scan, State
from webapp.ratelimits import client_network, submissions
from webapp.views import progress as progress_of
from webapp.views import report as report_pages
from webapp.views import visitor
from webapp.views.lookup import find_related, find_scan
from webapp.views.pages import render_start
from webapp.views.privacy import keep_private

blueprint = Blueprint("scans", __name__, url_prefix="/scans")
blueprint.after_request(keep_private)

#: htmx polls no further after this status; it belongs to htmx, not to HTTP.
STOP_POLLING = 286


@blueprint.post("")
@submissions()
def submit() -> AnyResponse | tuple[str, int]:
    """Accept a scan and lead to its page, or return the form with what is wrong beside its field."""
    form = ScanForm()
    if form.validate_on_submit():
        try:
            scan = tasks.submit(**form.values, client=client_network())
        except SourceRefused as refused:
            form.refuse_url(str(refused), refused.advice)
        except AddressRefused as refused:
            form.refuse_email(str(refused))
        else:
            visitor.remember(scan)
            return redirect(url_for(".show", token=scan.token), 303)
    return render_start(form), 422


@blueprint.get("")
def nothing() -> AnyResponse:
    """Lead somebody who cut a link short, or reloads a form, to the start."""
    return redirect(url_for("pages.start"))


@blueprint.get("/<token>")
def show(token: str) -> str:
    """Show the scan as it is now."""
    scan = find_scan(token)
    if scan.state is State.DONE:
        return report_pages.render_summary(scan)
    related = find_related(scan)
    if scan.state.final:
        return render_template("scans/failed.html", scan=scan, related=related, mine=visitor.made(scan))
    return render_template("scans/waiting.html", scan=scan, related=related, **_progress(scan))


@blueprint.get("/<token>/progress")
def progress(token: str) -> Response:
    """Answer the waiting page, which asks again and again: nothing if it shows the newest, else its changing part."""
    scan = find_scan(token)
    if scan.state.final:
        return Response(status=STOP_POLLING, headers={"HX-Refresh": "true"})
    values = _progress(scan)
    if values["seen"].version == request.args.get("version"):
        return Response(status=204)
    title = render_template("scans/title.html", scan=scan, **values)
    return Response(title + render_template("scans/progress.html", scan=scan, **values))


def _progress(scan: Scan) -> dict[str, Any]:
    measured, seen = progress_of.since(progress_of.measure(scan), progress_of.Seen.from_args(request.args))
    return {"progress": measured, "seen": seen}


@blueprint.get("/<token>/status.json")
def status(token: str) -> dict[str, Any]:
    """Say how far the scan is, to programs."""
    scan = find_scan(token)
    return progress_of.measure(scan).status(scan.error if scan.state is State.FAILED else None)


@blueprint.post("/<token>/retry")
@submissions()
def retry(token: str) -> AnyResponse:
    """Start a scan that did not end in a report once more; it takes as much room as a new one."""
    scan = find_scan(token)
    tasks.check_room(client_network())
    tasks.retry(scan)
    return redirect(url_for(".show", token=scan.token), 303)


@blueprint.post("/<token>/cancel")
def cancel(token: str) -> AnyResponse:
    """End a scan that is not over yet."""
    scan = find_scan(token)
    tasks.cancel(scan)
    return redirect(url_for(".show", token=scan.token), 303)


@blueprint.post("/<token>/rescan")
@submissions()
def rescan(token: str) -> AnyResponse:
    """Scan what was asked for anew, on a page of its own that names this one: what is fetched may have changed."""
    try:
        scan = tasks.rescan(find_scan(token), client_network())
    except SourceRefused as refused:
        abort(409, f"{refused} {refused.advice}")
    visitor.remember(scan)
    return redirect(url_for(".show", token=scan.token), 303)


@blueprint.get("/<token>/delete")
def ask_to_delete(token: str) -> str:
    """Ask once more."""
    return render_template("scans/delete.html", scan=_own_and_over(token))


@blueprint.post("/<token>/delete")
def delete(token: str) -> str:
    """Remove a scan with all that it left."""
    scan = _own_and_over(token)
    sweep.remove(scan)
    return render_template("scans/deleted.html")


def _own_and_over(token: str) -> Scan:
    """Return the scan if this visitor may delete it now, or end the request with 403."""
    scan = find_scan(token)
    if not visitor.made(scan):
        abort(403, "Only the browser that asked for a scan can delete it.")
    if not scan.state.final:
        abort(403, "This scan is under way: cancel it first.")
    return scan
