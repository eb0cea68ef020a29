"""The pages of a finished scan's report."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, current_app, render_template, request

from reports.needs import SHOWN, group
from reports.store import Filters, Report
from reports.texts import Texts
from reports.values import FileDetail, Match, Rule
from reports.words import PACKAGES_ALONE
from webapp.models import Scan
from webapp.results import open_report, open_texts
from webapp.views import source as source_of
from webapp.views import visitor
from webapp.views.comparison import MOST_CHARACTERS, Comparison, compare
from webapp.views.lookup import find_related, find_report, page_number
from webapp.views.privacy import keep_private

blueprint = Blueprint("report", __name__, url_prefix="/scans/<token>")
blueprint.after_request(keep_private)

FILES_PER_PAGE = 100

#: Matches of a detection that are explained.
MATCHES = 20

#: More than this is a mistake or an attack, not a filter.
FILTER_LENGTH = 4_000


def render_summary(scan: Scan) -> str:
    """Render the answer: what the page of a scan shows once it is done."""
    with open_report(scan) as report:
        return render_template(
            "report/summary.html",
            scan=scan,
            report=report,
            summary=report.summary(),
            packages_alone=PACKAGES_ALONE,
            related=find_related(scan),
            mine=visitor.made(scan),
            retention=timedelta(days=current_app.config["RETENTION_DAYS"]),
        )


@blueprint.app_context_processor
def pages_of_lines() -> dict[str, Any]:
    """Let every link to a line lead to the page that shows it."""
    return {"page_of_line": source_of.page_of_line}


@blueprint.get("/licences")
def licences(token: str) -> str:
    """List the licences that were detected, and the different detections."""
    with find_report(token) as (scan, report):
        return render_template(
            "report/licences.html", scan=scan, report=report, detections=report.detections(page_number())
        )


@blueprint.get("/licences/<key>")
def licence(token: str, key: str) -> str:
    """Show the text of a licence and what ScanCode knows of it."""
    with find_report(token) as (scan, report):
        found = report.license(key) or abort(404, "This report names no such licence.")
        return render_template("report/licence.html", scan=scan, report=report, found=found)


@blueprint.get("/detections/<identifier>")
def detection(token: str, identifier: str) -> str:
    """Show why ScanCode says so: the matches with their rules, and every place."""
    with find_report(token) as (scan, report), open_texts(scan) as texts:
        found = report.detection(identifier, page_number()) or abort(404, "This report has no such detection.")
        explained = [(match, *_explain(texts, report, match)) for match in found.matches[:MATCHES]]
        expression = report.expression(found.detection.expression)
        licenses = expression.licenses if expression else ()
        return render_template(
            "report/detection.html", scan=scan, report=report, found=found, explained=explained, licenses=licenses
        )


def _explain(texts: Texts | None, report: Report, match: Match) -> tuple[Rule | None, Comparison | None]:
    """Return the rule of a match and, where the file's text was kept, both texts side by side."""
    rule = report.rule(match.rule)
    if rule is None or texts is None or not _in_text(report, match):
        return rule, None
    passage = texts.passage(match.path, match.start_line, match.end_line)
    return rule, compare(passage, rule) if passage is not None else None


def _with_passages(texts: Texts, found: FileDetail) -> FileDetail:
    """Give the matches of a file whose whole text was not kept the lines that matched."""

    def told(match: Match) -> Match:
        passage = texts.passage(match.path, match.start_line, match.end_line) or ()
        return replace(match, text="\n".join(passage)[:MOST_CHARACTERS])

    detections = tuple(replace(each, matches=tuple(map(told, each.matches))) for each in found.detections)
    return replace(found, detections=detections, clues=tuple(map(told, found.clues)))


def _in_text(report: Report, match: Match) -> bool:
    """Tell whether the lines of a match are lines of its file; of a package's statement they are not."""
    found = report.file(match.path)
    matches = [other for detection in found.detections for other in detection.matches] if found else []
    return any((other.rule, other.start_line) == (match.rule, match.start_line) for other in matches)


@blueprint.get("/files")
def files(token: str) -> str:
    """List files: folder by folder, or all that pass the filters in the address."""
    filters = filters_of_request()
    with find_report(token) as (scan, report):
        spdx = {license.key: license.spdx for license in report.licenses()}
        values = {"scan": scan, "report": report, "filters": filters, "spdx": spdx}
        if filters == Filters(folder=filters.folder):
            folder = report.folder(filters.folder, page_number())
            if folder is not None:
                return render_template("report/folder.html", folder=folder, found=report.files(filters), **values)
            if filters.folder:
                abort(404, "This report has no such folder.")
        found = report.files(filters, page_number(), FILES_PER_PAGE)
        return render_template("report/files.html", found=found, **values)


def filters_of_request() -> Filters:
    """Return the filters that the address names; what is empty or unheard of filters nothing."""
    values: dict[str, str | bool] = {}
    for field in fields(Filters):
        text = request.args.get(field.name, "").strip()[:FILTER_LENGTH]
        values[field.name] = bool(text) if isinstance(field.default, bool) else text
    return Filters(**values)  # type: ignore[arg-type]


@blueprint.get("/file")
def file(token: str) -> str:
    """Show all findings of one file."""
    with find_report(token) as (scan, report), open_texts(scan) as texts:
        found = report.file(request.args.get("path", "")) or abort(404, "This report has no such file.")
        packages = [package for uid in found.packages if (package := report.package(uid))]
        lines = texts.lines(found.row.path) if texts else None
        text = source_of.annotate(lines, found, page_number()) if lines else None
        if texts and lines is None:
            found = _with_passages(texts, found)
        return render_template(
            "report/file.html", scan=scan, report=report, found=found, packages=packages, file_text=text
        )


@blueprint.get("/holders")
def holders(token: str) -> str:
    """List all copyright holders."""
    with find_report(token) as (scan, report):
        found = report.holders_page(page_number())
        return render_template("report/holders.html", scan=scan, report=report, found=found)


@blueprint.get("/packages")
def packages(token: str) -> str:
    """List the packages, and what they need."""
    with find_report(token) as (scan, report):
        return render_template(
            "report/packages.html",
            scan=scan,
            report=report,
            packages=report.packages(page_number()),
            unclaimed=report.dependencies(None),
        )


@blueprint.get("/dependencies")
def dependencies(token: str) -> str:
    """Show what the packages need as a tree: by file and scope, and what that needs in turn."""
    with find_report(token) as (scan, report):
        found = report.needs(page_number())
        # What no package claims comes after the last of them.
        unclaimed = report.dependencies(None, per_page=SHOWN) if found.number >= found.pages else None
        others = group(unclaimed.items) if unclaimed else ()
        here = report.found_here([*(group for item in found.items for group in item.groups), *others])
        return render_template(
            "report/tree.html",
            scan=scan,
            report=report,
            found=found,
            unclaimed=unclaimed,
            others=others,
            here_too=here,
        )


@blueprint.get("/dependencies/of-no-package")
def unclaimed(token: str) -> str:
    """List what is needed by files that are no package."""
    with find_report(token) as (scan, report):
        needs = report.dependencies(None, page_number())
        return render_template("report/unclaimed.html", scan=scan, report=report, needs=needs)


@blueprint.get("/package")
def package(token: str) -> str:
    """Show a package and what it needs."""
    with find_report(token) as (scan, report):
        found = report.package(request.args.get("uid", "")) or abort(404, "This report has no such package.")
        needs = report.dependencies(found.uid, page_number())
        return render_template("report/package.html", scan=scan, report=report, found=found, needs=needs)


@blueprint.get("/errors")
def errors(token: str) -> str:
    """List the files that could not be scanned in full, with ScanCode's own words for it."""
    with find_report(token) as (scan, report):
        return render_template("report/errors.html", scan=scan, report=report, errors=report.errors(page_number()))


@blueprint.get("/about")
def about(token: str) -> str:
    """Tell how the scan was made."""
    with find_report(token) as (scan, report):
        return render_template("report/about.html", scan=scan, report=report)
