"""The pages in a real browser: what only a browser can tell of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from reports.words import clean
from tests.naughty import NAUGHTY
from tests.webapp.browsing import UID, an_owner, every_page, foreign_requests, pages_of
from tests.webapp.builders import (
    a_batch,
    a_dependency,
    a_file,
    a_license,
    a_package,
    a_report,
    a_scan,
    a_summary,
    with_report,
)
from webapp.extensions import db
from webapp.models import Scan, State, now

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
#: Bytes of a page with all that it loads, without the report's own data.
BUDGET = 200_000


def change(scan: Scan, **values: object) -> None:
    for name, value in values.items():
        setattr(scan, name, value)
    db.session.commit()


def an_ugly_report() -> Scan:
    """Store a report whose every text is as long, or as hostile, as it can be."""
    finding = {"start_line": 1, "end_line": 1}
    keys = [f"licence-{number}" for number in range(60)]
    files = [
        a_file(
            f"app/{name}",
            license=" AND ".join(keys[number : number + 12]) if number % 3 else None,
            copyrights=[{"copyright": HOSTILE * 5, **finding}],
            holders=[{"holder": HOSTILE * 5, **finding}],
            urls=[{"url": "https://example.org/" + "x" * 900, **finding}, {"url": "javascript:alert(3)", **finding}],
            scan_errors=[f"ERROR: {HOSTILE}\n" + "y" * 900],
            for_packages=[UID],
        )
        for number, name in enumerate([HOSTILE.replace("/", "_"), "x" * 250, "\u202egpj.exe", "مرحبا.py", *"abcdefgh"])
    ]
    return a_report(
        *files,
        scan={
            "asked": "https://example.org/" + "x" * 1500,
            "title": HOSTILE + "z" * 300,
            "notes": [HOSTILE + "w" * 500] * 9,
        },
        summary=a_summary(" AND ".join(keys), declared_holder=HOSTILE * 9),
        license_references=[a_license(key, name=HOSTILE, category="Copyleft Limited") for key in keys],
        packages=[a_package(name=HOSTILE, description=HOSTILE * 20, purl="pkg:pypi/" + "p" * 300)],
        dependencies=[a_dependency(purl="pkg:pypi/" + "d" * 300, extracted_requirement=HOSTILE)],
    )


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_window_and_nothing_runs(page: Page, site: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    scan = an_ugly_report()
    waiting = a_scan(State.SCANNING, title=HOSTILE + "z" * 300, asked="https://example.org/" + "x" * 1500)
    a_batch(waiting, files_done=3, found={HOSTILE: 2, "L" * 300: 1})

    for address in [
        *(a for a in pages_of(scan) if not a.endswith(("/mit", "/mit-1234"))),
        f"/scans/{scan.token}/licences/licence-1",
        f"/scans/{waiting.token}",
    ]:
        page.goto(site + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert page.locator("img[src=x]").count() == 0, address


def test_the_waiting_page_follows_the_scan_to_its_report(page: Page, site: str) -> None:
    scan = a_scan(State.FETCHING, bytes_done=10_000, bytes_total=58_000, address="ada@example.org")
    page.set_viewport_size({"width": 390, "height": 400})
    page.goto(f"{site}/scans/{scan.token}")
    expect(page.locator(".progress-line")).to_contain_text("10 kB of 58 kB")
    page.get_by_role("button", name="Cancel").focus()
    page.evaluate("window.marked = document.querySelector('#progress h1'); scrollTo(0, 150)")
    scrolled = page.evaluate("scrollY")

    change(scan, state=State.SCANNING, files_total=16, scanning_at=now() - timedelta(seconds=30))
    a_batch(scan, files_done=8, found={"MIT": 7})

    expect(page.locator(".progress-line")).to_contain_text("8 of 16 files")
    expect(page.locator(".progress-line")).to_contain_text("MIT (7 files)")
    expect(page).to_have_title("50 % · app-1.0.tar.gz · Scanpost")
    expect(page.locator("#announced")).to_have_text("scanning")
    assert page.evaluate("document.activeElement.textContent") == "Cancel"
    assert page.evaluate("window.marked === document.querySelector('#progress h1')")
    assert page.evaluate("scrollY") == scrolled

    change(with_report(scan), state=State.DONE, finished_at=now())

    expect(page.locator("#declared")).to_be_visible()
    assert page.evaluate("window.marked") is None


def test_a_page_far_back_in_the_queue_asks_less_often(page: Page, site: str) -> None:
    for _ in range(14):
        a_scan()
    scan = a_scan()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progress" in request.url else None)
    page.clock.install()
    page.goto(f"{site}/scans/{scan.token}")
    expect(page.locator(".stages")).to_have_attribute("data-ask-after", "3")

    page.clock.run_for(2_000)
    early = len(asked)
    with page.expect_response("**/progress*"):
        page.clock.run_for(1_000)
    page.clock.run_for(2_000)

    assert (early, len(asked)) == (0, 1)


def test_a_page_of_a_scan_that_is_over_asks_for_nothing_more(page: Page, site: str) -> None:
    scan = a_scan(State.SCANNING)
    page.goto(f"{site}/scans/{scan.token}")
    with page.expect_response("**/progress*"):
        pass

    change(scan, state=State.FAILED, error="Broken.", finished_at=now())
    expect(page.get_by_text("Broken.")).to_be_visible()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_timeout(2500)

    assert requests == []


def test_a_site_that_is_away_is_asked_again(browser: Browser, site: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    scan = a_scan(State.SCANNING)
    page.goto(f"{site}/scans/{scan.token}")
    page.route("**/progress*", lambda route: route.abort())
    expect(page.locator("#offline")).to_be_visible()

    page.unroute("**/progress*")

    expect(page.locator("#offline")).to_be_hidden()
    context.close()


def test_an_estimate_that_was_shown_is_kept_by_the_page(page: Page, site: str) -> None:
    scan = a_scan(State.SCANNING, scanning_at=now() - timedelta(seconds=60))
    batch = a_batch(scan, files_done=8)
    page.goto(f"{site}/scans/{scan.token}")
    expect(page.locator(".progress-line")).to_contain_text("about a minute left")

    change(scan, scanning_at=now() - timedelta(seconds=600))
    batch.files_done = 7
    db.session.commit()

    expect(page.locator(".progress-line")).to_contain_text("longer than we first thought")
    expect(page.locator(".progress-line")).to_contain_text("8 of 16 files")


def test_the_link_can_be_copied(page: Page, site: str) -> None:
    scan = a_report()
    page.goto(f"{site}/scans/{scan.token}/files?path=a")

    page.get_by_role("button", name="Copy link").click()

    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{site}/scans/{scan.token}"


def test_the_form_says_back_what_it_understood(page: Page, site: str) -> None:
    page.goto(site)

    page.get_by_label("URL of the code").press_sequentially("https://example.org/a.zip")

    expect(page.locator("#understood")).to_contain_text("a.zip")


def test_without_scripts_the_page_reloads_itself(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    scan = a_scan(State.FETCHING)
    page.goto(f"{site}/scans/{scan.token}")

    change(scan, state=State.FAILED, error="It is gone.", finished_at=now())

    expect(page.get_by_text("It is gone.")).to_be_visible()
    context.close()


def test_no_text_of_a_stranger_runs_leads_away_or_breaks_a_page(page: Page, site: str) -> None:
    finding = {"start_line": 1, "end_line": 1}
    kinds = ("copyright", "holder", "author", "email", "url")
    found: dict[str, Any] = {f"{kind}s": [{kind: text, **finding} for text in NAUGHTY] for kind in kinds}
    files = [a_file(f"app/{text.replace('/', '_') or 'nothing'}", scan_errors=[text]) for text in NAUGHTY]
    scan = a_report(
        a_file("app/a", for_packages=[UID], **found),
        *files,
        scan={"title": " ".join(clean(text) for text in NAUGHTY[:40]), "notes": [clean(text) for text in NAUGHTY]},
        summary=a_summary(declared_holder=" ".join(NAUGHTY)),
        packages=[a_package(name=" ".join(NAUGHTY), description=" ".join(NAUGHTY), holder=" ".join(NAUGHTY))],
        dependencies=[a_dependency(purl=f"pkg:x/{text}", extracted_requirement=text, scope=text) for text in NAUGHTY],
    )

    for address in pages_of(scan):
        answer = page.goto(site + address)
        assert answer is not None
        assert answer.status == 200, address
        assert page.locator("main script, main iframe, main base, main link, main meta, main style").count() == 0
        assert page.locator("main [onerror], main [onload], main [onfocus], main [onmouseover]").count() == 0
        assert page.locator("main a[href^=javascript], main a[href^=data]").count() == 0
        assert page.locator(".site-foot").is_visible(), address


def test_tables_keep_their_columns_while_they_arrive(page: Page, site: str) -> None:
    files = [a_file("app/a", for_packages=[UID], emails=[{"email": "a@example.org", "start_line": 1, "end_line": 1}])]
    scan = a_report(*files, packages=[a_package()], dependencies=[a_dependency()])

    for address in pages_of(scan):
        page.goto(site + address)
        before, after = page.evaluate(
            """() => {
                const columns = () => [...document.querySelectorAll("main thead th")].map(th => th.offsetLeft);
                const before = columns();
                for (const row of document.querySelectorAll("main tbody tr:last-child")) {
                    const long = row.cloneNode(true);
                    for (const cell of long.children) cell.textContent = "a long text ".repeat(40);
                    row.after(long);
                }
                return [before, columns()];
            }"""
        )
        assert before == after, address


def test_paper_is_white_and_shows_what_is_folded(browser: Browser, site: str) -> None:
    scan = a_report(packages=[a_package(), a_package(package_uid=UID.replace("app", "lib"), purl="pkg:pypi/lib@1")],
                    dependencies=[a_dependency(), a_dependency(for_package_uid=UID.replace("app", "lib"))])  # fmt: skip
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{site}/scans/{scan.token}/dependencies")

    page.emulate_media(media="print", color_scheme="dark")

    colours = page.evaluate(
        "[getComputedStyle(document.body), getComputedStyle(document.querySelector('.soft'))].map(s => s.color)"
    )
    assert colours == ["rgb(0, 0, 0)", "rgb(87, 96, 106)"]
    assert page.locator(".tree").count() == 2
    expect(page.locator(".tree li").last).to_be_visible()
    expect(page.locator(".site-head")).to_be_hidden()
    expect(page.locator(".tabs")).to_be_hidden()
    context.close()


def shifted(page: Page) -> float:
    """Return how much of a page moved after it was first drawn, as browsers count it (0 to 1 and more)."""
    return page.evaluate(
        """new Promise(done => {
            let sum = 0;
            new PerformanceObserver(list => list.getEntries().forEach(e => sum += e.value))
                .observe({type: "layout-shift", buffered: true});
            setTimeout(() => done(sum), 400);
        })"""
    )


def test_pages_are_light_and_do_not_jump(app: Flask, browser: Browser, site: str) -> None:
    addresses = every_page()
    for address in addresses:
        context = an_owner(app, browser, site, addresses)
        page = context.new_page()
        foreign = foreign_requests(page)
        loaded: list[int] = []
        page.on(
            "response", lambda response, loaded=loaded: loaded.append(int(response.headers.get("content-length", 0)))
        )
        page.goto(site + address)
        weight = sum(loaded)
        shift = shifted(page)
        context.close()

        assert weight < BUDGET, address
        assert shift < 0.02, address
        assert not foreign, address
