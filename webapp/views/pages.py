"""The start page and the pages that explain."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template, request

from scanner import limits, sources
from scanner.errors import SourceRefused
from webapp.forms import ScanForm

blueprint = Blueprint("pages", __name__)

#: What the start page offers to try.
TRIES = (
    "https://github.com/pallets/flask",
    "pkg:npm/express@4.21.2",
    "https://github.com/pallets/flask/releases/download/3.1.0/flask-3.1.0.tar.gz",
)

#: One of each that can be scanned, for the page that tells.
EXAMPLES = (
    "https://example.org/project-1.0.tar.gz",
    "https://github.com/pallets/flask",
    "https://github.com/pallets/flask/tree/3.0.x",
    "https://github.com/pallets/flask/blob/main/LICENSE.txt",
    "https://example.org/project.git",
    "pkg:npm/express@4.21.2",
    "pkg:pypi/flask",
    "pkg:cargo/serde",
    "pkg:gem/rails",
    "pkg:golang/github.com/gorilla/mux",
    "pkg:maven/org.apache.commons/commons-lang3@3.14.0",
    "pkg:nuget/Newtonsoft.Json",
    "docker://alpine:3.20",
)


def understood(text: str) -> str:
    """Say in a few words what a pasted text means to us; nothing if it means nothing yet."""
    try:
        return sources.recognise(text, current_app.config["ACCESS"]).understood if text.strip() else ""
    except SourceRefused:
        return ""


def render_start(form: ScanForm, *, problem: str = "") -> str:
    """Render the start page with what was typed and what is wrong with it."""
    return render_template(
        "pages/start.html",
        form=form,
        problem=problem,
        understood=understood(form.url.data or ""),
        examples=TRIES,
    )


@blueprint.get("/")
def start() -> str:
    """Ask what to scan; ``?url=`` fills the field, for links and bookmarks."""
    return render_start(ScanForm(formdata=None, url=request.args.get("url", "")))


@blueprint.get("/understood")
def understood_as_you_type() -> tuple[str, dict[str, str]]:
    """Say what the text in the field means to us, for the line below it."""
    return render_template("pages/understood.html", understood=understood(request.args.get("url", ""))), {
        "Cache-Control": "private, max-age=60"
    }


@blueprint.get("/what-can-be-scanned")
def what() -> str:
    """Tell what can be scanned, and how much of it."""
    return render_template(
        "pages/what.html",
        limits=limits.table(current_app.config["LIMITS"]),
        examples=[(text, meaning) for text in EXAMPLES if (meaning := understood(text))],
    )


@blueprint.get("/how-it-works")
def how() -> str:
    """Tell what happens to what is pasted."""
    return render_template("pages/how.html")
