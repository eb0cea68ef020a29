"""Scans of files from the visitor's own disk, of pasted text, and of many addresses at once."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from scanner.errors import LimitExceeded, SourceRefused
from scanner.limits import stated
from scanner.packing.tars import pack_files
from scanner.urls import safe_name
from tasks import scans as tasks
from tasks import workspaces
from webapp.extensions import db
from webapp.forms import AskForm, ListForm, PasteForm, UploadForm, refuse
from webapp.mails import AddressRefused
from webapp.models import Scan
from webapp.ratelimits import client_network, submissions
from webapp.views import visitor
from webapp.views.privacy import keep_private

blueprint = Blueprint("other_ways", __name__)

#: Bytes on the wire for one of a text in a form: what is no letter or digit becomes %XX.
_ESCAPED = 3
#: What the other fields of a form and its framing take, bytes.
FRAMING = 100_000


def admit(app: Flask) -> None:
    """Let larger requests through where files are sent, and none at all while nothing can be accepted.

    To be registered before CSRF protection, whose look at the form reads the whole request.
    """

    @app.before_request
    def before_the_form_is_read() -> None:
        if request.method != "POST" or request.blueprint != blueprint.name:
            return
        tasks.check_room(client_network())
        limits = current_app.config["LIMITS"]
        limit = "download_bytes" if request.endpoint == f"{blueprint.name}.upload" else "pasted_bytes"
        text = _ESCAPED * limits.pasted_bytes + FRAMING
        request.max_content_length = limits.download_bytes + FRAMING if limit == "download_bytes" else text
        request.max_form_memory_size = text
        request.max_form_parts = limits.unpacked_files
        if (request.content_length or 0) > request.max_content_length:
            abort(413, f"This is larger than {stated(limits, limit)}, the most that can be sent.")


@blueprint.get("/other-ways")
def ask() -> str:
    """Offer the other ways."""
    return _page()


@blueprint.post("/other-ways/upload")
@submissions()
def upload() -> AnyResponse | tuple[str, int]:
    """Accept files; several become one scan."""
    form = UploadForm(prefix="upload")
    if form.validate_on_submit():
        try:
            return _to(_scan_files(form.files.data, form.address))
        except LimitExceeded as error:
            refuse(form.files, str(error))
        except AddressRefused as refused:
            form.refuse_email(str(refused))
    return _page(upload=form), 422


def _scan_files(files: list[FileStorage], email: str | None) -> Scan:
    with workspaces.scratch() as scratch:
        folder = scratch / "files"
        folder.mkdir()
        for number, file in enumerate(files):
            name = safe_name(file.filename or "", default="file")
            if (folder / name).exists():
                name = f"{number}-{name}"
            file.save(folder / name)
        paths = list(folder.iterdir())
        if len(paths) == 1:
            return tasks.submit_file(paths[0], paths[0].name, email, client_network())
        packed = scratch / "upload.tar"
        pack_files(paths, "upload", packed, current_app.config["LIMITS"])
        return tasks.submit_file(packed, f"{len(paths)} files.tar", email, client_network())


@blueprint.post("/other-ways/paste")
@submissions()
def paste() -> AnyResponse | tuple[str, int]:
    """Accept a text."""
    form = PasteForm(prefix="paste")
    if form.validate_on_submit():
        try:
            with workspaces.scratch() as scratch:
                path = scratch / "text"
                # Browsers send line ends as CR LF, whatever was pasted.
                path.write_bytes((form.text.data or "").replace("\r\n", "\n").encode("utf-8", "replace"))
                return _to(tasks.submit_file(path, form.name.data or "", form.address, client_network()))
        except AddressRefused as refused:
            form.refuse_email(str(refused))
    return _page(paste=form), 422


@blueprint.post("/other-ways/list")
@submissions(lambda: max(1, len(ListForm(prefix="list").lines)))
def several() -> AnyResponse | tuple[str, int]:
    """Accept several addresses, all or none."""
    form = ListForm(prefix="list")
    if form.validate_on_submit():
        try:
            token = tasks.submit_list(form.lines, form.address, client_network())
        except SourceRefused as refused:
            refuse(form.urls, f"{refused} {refused.advice}")
        except AddressRefused as refused:
            form.refuse_email(str(refused))
        else:
            for scan in _listed(token):
                visitor.remember(scan)
            return redirect(url_for(".listed", token=token), 303)
    return _page(several=form), 422


@blueprint.get("/lists/<token>")
def listed(token: str) -> AnyResponse:
    """Show the scans that were submitted together."""
    scans = _listed(token)
    if not scans:
        abort(404)
    running = any(not scan.state.final for scan in scans)
    page = render_template("scans/list.html", scans=scans, running=running)
    return keep_private(current_app.make_response(page))


def _listed(token: str) -> list[Scan]:
    return list(db.session.scalars(select(Scan).where(Scan.list_token == token).order_by(Scan.id)))


def _to(scan: Scan) -> AnyResponse:
    visitor.remember(scan)
    return redirect(url_for("scans.show", token=scan.token), 303)


def _page(*, upload: UploadForm | None = None, paste: PasteForm | None = None, several: ListForm | None = None) -> str:
    forms: dict[str, AskForm] = {
        # A form of its own for each: what is wrong with one says nothing of the others.
        "upload": upload or UploadForm(prefix="upload", formdata=None),
        "paste": paste or PasteForm(prefix="paste", formdata=None),
        "several": several or ListForm(prefix="list", formdata=None),
    }
    return render_template("pages/other_ways.html", **forms)
