"""The main job as a person sees it, in a real browser: phone and desktop, with and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests import trees
from tests.servers.browser import chromium
from tests.servers.http import HttpServer, chunked, content
from tests.servers.site import SCAN, Site

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


class Visit:
    """A page in a window of its own. ``complaints`` are errors on the console and requests to other hosts."""

    def __init__(self, browser: Browser, site: Site, size: tuple[int, int], javascript: bool = True) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, java_script_enabled=javascript
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(SCAN * 1000)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith(site.url) or self.complaints.append(request.url))
        self.page.goto(site.url)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def submit(self, url: str, email: str = "") -> None:
        self.page.get_by_label("URL of the code").fill(url)
        if email:
            self.page.get_by_label("Email me the link").fill(email)
        self.page.get_by_role("button", name="Scan", exact=True).click()

    def too_wide(self) -> bool:
        """Tell whether the page must be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_page_goes_from_waiting_to_the_report_by_itself(
    browser: Browser, site: Site, http: HttpServer, size: tuple[int, int]
) -> None:
    packed = trees.tar_gz({**trees.PACKAGE, f"hello/for-{size[0]}.txt": "new for the cache of findings"})
    http.routes["/hello-1.2.3.tgz"] = chunked(packed[:100], 2.5, packed[100:])
    visit = Visit(browser, site, size)

    visit.submit(http.url("/hello-1.2.3.tgz"), "watcher@example.org")
    expect(visit.page.get_by_text("You can close this page")).to_be_visible()
    expect(visit.page.get_by_text("w••@example.org")).to_be_visible()
    address = visit.page.url
    expect(visit.page.get_by_role("heading", name="Declared licence")).to_be_visible()

    assert visit.page.url == address
    expect(visit.page.get_by_text("MIT License").first).to_be_visible()
    assert not visit.too_wide()
    for tab in ("Licences", "Files", "Packages", "About this scan"):
        visit.page.get_by_role("link", name=tab).first.click()
        expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        assert not visit.too_wide(), tab
    assert visit.complaints == []
    visit.context.close()


def test_all_of_it_works_without_javascript(browser: Browser, site: Site, http: HttpServer) -> None:
    packed = trees.tar_gz({**trees.PACKAGE, "hello/plain.txt": "without javascript"})
    http.routes["/plain.tgz"] = chunked(packed[:100], 1.5, packed[100:])
    visit = Visit(browser, site, SIZES["desktop"], javascript=False)

    visit.submit(http.url("/plain.tgz"))
    expect(visit.page.get_by_text("You can close this page")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Declared licence")).to_be_visible()

    visit.page.get_by_role("link", name="Files").first.click()
    expect(visit.page.get_by_role("link", name="package.json")).to_be_visible()
    assert visit.complaints == []
    visit.context.close()


def test_a_failed_scan_shows_its_sentence_and_can_be_tried_again(
    browser: Browser, site: Site, http: HttpServer
) -> None:
    visit = Visit(browser, site, SIZES["phone"])

    visit.submit(http.url("/nothing-here.zip"))
    expect(visit.page.get_by_text("404")).to_be_visible()
    http.routes["/nothing-here.zip"] = content(trees.tar_gz(trees.PACKAGE))
    visit.page.get_by_role("button", name="Try again").click()

    expect(visit.page.get_by_role("heading", name="Declared licence")).to_be_visible()
    assert visit.complaints == []
    visit.context.close()


def test_the_form_keeps_what_was_typed_beside_the_sentence(browser: Browser, site: Site) -> None:
    visit = Visit(browser, site, SIZES["phone"])

    visit.submit("ftp://example.org/x.zip", "me@example.org")

    expect(visit.page.get_by_label("URL of the code")).to_have_value("ftp://example.org/x.zip")
    expect(visit.page.get_by_label("Email me the link")).to_have_value("me@example.org")
    assert not visit.too_wide()
    visit.context.close()


def test_a_scan_can_be_cancelled(browser: Browser, site: Site, http: HttpServer) -> None:
    packed = trees.tar_gz(trees.PACKAGE)
    http.routes["/slow.tgz"] = chunked(packed[:50], 2.0, packed[50:60], 2.0, packed[60:70], 2.0, packed[70:])
    visit = Visit(browser, site, SIZES["desktop"])

    visit.submit(http.url("/slow.tgz"))
    visit.page.get_by_role("button", name="Cancel").click()

    expect(visit.page.get_by_text("This scan was cancelled.")).to_be_visible()
    visit.context.close()
