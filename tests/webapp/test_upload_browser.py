"""An upload in a real browser: a bar that moves, a page that says what is wrong, and the same without scripts."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, FilePayload, Page, expect

pytestmark = pytest.mark.browser


def _choose(page: Page, size: int) -> None:
    page.get_by_label("File or files").set_input_files(FilePayload(name="a.bin", mimeType="a/b", buffer=b"x" * size))


def test_the_bar_moves_until_the_page_of_the_scan_is_there(browser: Browser, site: str) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{site}/other-ways")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1_000_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.evaluate(
        """() => {
            const bar = document.querySelector("form.upload progress"), seen = [];
            new MutationObserver(() => seen.push(bar.value)).observe(bar, {attributes: true});
            addEventListener("pagehide", () => sessionStorage.setItem("seen", JSON.stringify(seen)));
        }"""
    )
    _choose(page, 1_500_000)

    page.get_by_role("button", name="Upload and scan").click()

    page.wait_for_url("**/scans/*")
    seen = page.evaluate("JSON.parse(sessionStorage.getItem('seen'))")
    moved = sorted({value for value in seen if 0 < value < 1})
    assert len(moved) >= 2
    assert seen == sorted(seen)
    assert complaints == []
    page.close()


def test_what_is_wrong_with_an_upload_is_said_beside_the_form(browser: Browser, app: Flask, site: str) -> None:
    app.config["LIMITS"] = type(app.config["LIMITS"])(download_bytes=1_000)
    page = browser.new_page()
    page.goto(f"{site}/other-ways")

    page.get_by_role("button", name="Upload and scan").click()
    expect(page.get_by_text("Choose a file.")).to_be_visible()
    _choose(page, 200_000)
    page.get_by_role("button", name="Upload and scan").click()

    expect(page.get_by_text("larger than 1,000 bytes (the limit download_bytes)")).to_be_visible()
    page.close()


def test_without_scripts_the_browser_sends_it_itself(browser: Browser, site: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}/other-ways")
    _choose(page, 1_000)

    page.get_by_role("button", name="Upload and scan").click()

    page.wait_for_url("**/scans/*")
    page.context.close()
