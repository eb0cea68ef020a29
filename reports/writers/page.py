"""The report as one page."""

from __future__ import annotations

from typing import BinaryIO

from reports.reader import Report
from reports.words import CLARITY, PACKAGES_ALONE
from reports.writers.pages import render
from reports.writers.subject import subject


def write_html(report: Report, out: BinaryIO) -> None:
    """Write the whole report as one page of HTML."""
    licenses = report.licenses()
    values = {
        "about": subject(report),
        "report": report,
        "header": report.header,
        "counts": report.counts,
        "summary": report.summary(),
        "clarity": CLARITY,
        "packages_alone": PACKAGES_ALONE,
        "attention": report.to_look_at(),
        "licenses": licenses,
        "most": max((license.files for license in licenses), default=1),
        "holders": report.holders(limit=100),
        "languages": report.languages(),
        "packages": report.each_package(),
        "needs": report.each_need(),
        "detections": report.each_detection(),
        "files": report.each_row(),
        "errors": report.each_error(),
    }
    render("report.html", out, values)
