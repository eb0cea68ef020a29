"""The pages in a real browser: what only a browser can tell of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from reports.words import clean
from tests.naughty import NAUGHTY
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
    with_texts,
)
from webapp.extensions import db
from webapp.models import Scan, State, now

pytestmark = pytest.mark.browser

UID = "pkg:pypi/app@1.0?uuid=11111111-2222-3333-4444-555555555555"
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
#: Bytes of a page with all that it loads, without the report's own data.
BUDGET = 200_000


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a window of its own; complaints of the browser and dialogs fail the test."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    foreign = foreign_requests(page)
    yield page
    context.close()
    assert not complaints
    assert not foreign


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
