"""What tests in a real browser share: all pages of the site, and who looks at them."""

from __future__ import annotations

from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page

from tests.webapp.builders import a_dependency, a_file, a_package, a_report, a_scan, with_texts
from webapp.models import Scan, State

UID = "pkg:pypi/app@1.0?uuid=11111111-2222-3333-4444-555555555555"


def foreign_requests(page: Page) -> list[str]:
    """Return a list that gets the address of each request of the page to another host."""
    found: list[str] = []
    page.on("request", lambda request: request.url.startswith("http://127.0.0.1:") or found.append(request.url))
    return found


def an_owner(app: Flask, browser: Browser, site: str, addresses: list[str], **options: Any) -> BrowserContext:
    """Open a window of the visitor who made the scans at these addresses, and so may delete them."""
    context = browser.new_context(**options)
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    made = signer.dumps({"scans": [address.split("/")[2] for address in addresses if address.startswith("/scans/")]})
    context.add_cookies([{"name": app.config["SESSION_COOKIE_NAME"], "value": made, "url": site}])
    return context


def pages_of(scan: Scan) -> list[str]:
    tabs = ("", "/licences", "/licences/mit", "/detections/mit-1234", "/files", "/files?path=a&text=x",
            "/files?folder=app&has_error=1", "/holders", "/errors",
            "/file?path=app/a", "/packages", "/dependencies", "/dependencies/of-no-package",
            f"/package?uid={UID.replace('?', '%3F')}", "/about")  # fmt: skip
    return [f"/scans/{scan.token}{tab}" for tab in tabs]


def every_page() -> list[str]:
    states = [a_scan(state, error="Broken.", advice="Mend it.").token for state in (State.QUEUED, State.SCANNING)]
    # A list of scans that are all over: one of others would reload itself while it is looked at.
    states += [a_scan(State.FAILED, error="Broken.", advice="Mend it.", list_token="several").token]
    states += [a_scan(State.CANCELLED).token]
    needs = [a_dependency(), a_dependency(for_package_uid=None, resolved_package={"purl": "pkg:pypi/x@1"})]
    report = a_report(a_file("app/a", for_packages=[UID]), packages=[a_package()], dependencies=needs)
    with_texts(report, a="(c) Ada\nhttps://example.org/home\nlicensed under\nthe MIT, see there")
    again = a_report(scan={"earlier_token": report.token, "notes": ["Equal content was scanned here."]})
    return ["/", "/?url=https://example.org/a.zip", "/what-can-be-scanned", "/how-it-works", "/other-ways", "/nowhere",
            "/lists/several", f"/mails/stop/{'0' * 32}", *(f"/scans/{token}" for token in [*states, again.token]),
            *pages_of(report), f"/scans/{report.token}/delete"]  # fmt: skip
