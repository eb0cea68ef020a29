"""The pages for people who cannot see them, or use the keyboard alone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.webapp.browsing import UID, an_owner, every_page, foreign_requests
from tests.webapp.builders import a_dependency, a_file, a_package, a_report, with_texts

pytestmark = pytest.mark.browser


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical on a page."""
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in violations if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_people_who_cannot_see_or_point_are_not_shut_out(
    app: Flask, browser: Browser, site: str, scheme: str, width: int
) -> None:
    app.config["OPERATOR_PASSWORD"] = "secret"
    addresses = [*every_page(), "/operator"]
    password = {"username": "operator", "password": "secret"}
    context = an_owner(
        app, browser, site, addresses, color_scheme=scheme, viewport={"width": width, "height": 800},
        http_credentials=password,
    )  # fmt: skip
    page = context.new_page()
    foreign = foreign_requests(page)
    found = {}
    for address in addresses:
        page.goto(site + address)
        found[address] = barriers(page)
    expect(page.get_by_role("heading", name="Operator")).to_be_visible()
    page.goto(site)
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(page.locator(".field-error").first).to_be_visible()
    found["the form, refused"] = barriers(page)
    page.goto(next(site + address for address in addresses if address.endswith("/delete")))
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("It is deleted.")).to_be_visible()
    found["deleted"] = barriers(page)
    context.close()

    assert {address: bad for address, bad in found.items() if bad} == {}
    assert not foreign


def test_everything_can_be_reached_with_the_keyboard(page: Page, site: str) -> None:
    page.goto(f"{site}/how-it-works")

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("tab", ["", "/files?folder=app", "/file?path=app/a", "/detections/mit-1234", "/packages"])
def test_all_that_can_be_pressed_on_a_report_is_reached_with_tab(page: Page, site: str, tab: str) -> None:
    scan = a_report(a_file("app/a", for_packages=[UID]), packages=[a_package()], dependencies=[a_dependency()])
    with_texts(scan, a="(c) Ada\nhttps://example.org/home\nlicensed under\nthe MIT")
    page.goto(f"{site}/scans/{scan.token}{tab}")
    pressable = page.locator("a[href], button, input:not([type=hidden]), select, summary, pre[tabindex]")
    wanted = sum(each.is_visible() for each in pressable.all())

    seen = 0
    while seen <= wanted:
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "document.activeElement === document.body ? '' : getComputedStyle(document.activeElement).outlineStyle"
        )
        if not outline:
            break
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        seen += 1

    assert seen == wanted


def test_the_downloads_open_and_close_with_the_keyboard(page: Page, site: str) -> None:
    scan = a_report()
    page.goto(f"{site}/scans/{scan.token}")
    page.locator(".menu summary").focus()

    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="ScanCode JSON everything, as")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.locator(".menu summary")).to_be_focused()
    expect(page.locator(".menu ul")).to_be_hidden()
