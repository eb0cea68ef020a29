from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.webapp.builders import (
    a_dependency,
    a_detection,
    a_file,
    a_license,
    a_match,
    a_package,
    a_report,
    a_scan,
    a_summary,
)
from webapp.models import State
from webapp.results import storage

TABS = ("", "/licences", "/files", "/packages", "/errors", "/about")
UID = "pkg:pypi/app@1.0?uuid=11111111-2222-3333-4444-555555555555"
HOSTILE = '<script>alert("x")</script>'


def text_of(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, f"{address} answered {response.status}"
    return response.text


def test_the_summary_answers_first(client: FlaskClient) -> None:
    scan = a_report(a_file("app/main.py"), a_file("app/gpl.c", license="gpl-2.0"), a_file("app/x", license=None))

    page = text_of(client, f"/scans/{scan.token}")

    assert (
        page.index('id="declared"') < page.index("MIT License") < page.index('id="clarity"') < page.index('id="found"')
    )
    assert "90" in page
    assert "its text is not included" in page
    assert "GPL-2.0-only" in page
    assert "Copyleft" in page
    assert "Ada Example" in page
    assert "1 file without a licence" in page


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_says_what_was_scanned_and_with_what(client: FlaskClient, tab: str) -> None:
    scan = a_report()

    page = text_of(client, f"/scans/{scan.token}{tab}")

    assert "app-1.0.tar.gz" in page
    assert "2 files" in page
    assert "ScanCode 32.5.0" in page
    assert "Generated with ScanCode" in page


@pytest.mark.parametrize("tab", [*TABS[1:], "/file", "/package", "/licences/mit", "/detections/mit-1234"])
def test_there_is_no_report_before_the_scan_is_done(client: FlaskClient, tab: str) -> None:
    scan = a_scan(State.SCANNING)

    response = client.get(f"/scans/{scan.token}{tab}")

    assert response.status_code == 303
    assert response.location == f"/scans/{scan.token}"


def test_an_empty_report_has_all_its_pages(client: FlaskClient) -> None:
    scan = a_report(
        a_file("app/empty", license=None, size=0, copyrights=[], holders=[], urls=[]),
        summary=a_summary(None, license_clarity_score=None, declared_holder=""),
        license_detections=[],
        license_references=[],
        license_rule_references=[],
    )

    pages = [text_of(client, f"/scans/{scan.token}{tab}") for tab in (*TABS, "/file?path=app/empty")]

    assert "No licence was found in any file" in pages[0]
    assert "Nothing was found in this file" in pages[-1]


@pytest.mark.parametrize(
    "missing", ["/file?path=nowhere", "/files?folder=nowhere", "/licences/none", "/detections/none", "/package?uid=x"]
)
def test_what_the_report_does_not_know_is_not_found(client: FlaskClient, missing: str) -> None:
    scan = a_report()

    assert client.get(f"/scans/{scan.token}{missing}").status_code == 404


def test_folders_open_one_by_one(client: FlaskClient) -> None:
    scan = a_report(
        a_file("app/lib", type="directory", license=None, size=0, files_count=1),
        a_file("app/lib/deep.py"),
        a_file("app/main.py"),
    )

    root, lib = (text_of(client, f"/scans/{scan.token}/files{query}") for query in ("", "?folder=app/lib"))

    assert "lib/" in root
    assert "deep.py" not in root
    assert "deep.py" in lib
    assert 'aria-label="Path"' in lib


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("path=GPL", "gpl.c", "main.py"),
        ("license=gpl-2.0", "gpl.c", "main.py"),
        ("category=Permissive", "main.py", "gpl.c"),
        ("holder=Grace", "gpl.c", "main.py"),
        ("no_license=1", "plain.txt", "main.py"),
        ("has_error=1", "broken.py", "gpl.c"),
        ("text=grace", "gpl.c", "main.py"),
        ("language=C", "gpl.c", "main.py"),
        ("license=mit&path=main", "main.py", "broken.py"),
    ],
)
def test_filters_show_the_files_that_pass(client: FlaskClient, query: str, shown: str, hidden: str) -> None:
    grace = {"holders": [{"holder": "Grace", "start_line": 1, "end_line": 1}], "programming_language": "C"}
    grace["copyrights"] = [{"copyright": "(c) Grace", "start_line": 1, "end_line": 1}]
    scan = a_report(
        a_file("app/main.py"),
        a_file("app/broken.py", scan_errors=["ERROR: too slow"]),
        a_file("app/gpl.c", license="gpl-2.0", **grace),
        a_file("app/plain.txt", license=None),
    )

    page = text_of(client, f"/scans/{scan.token}/files?{query}")

    assert f"path=app/{shown}" in page
    assert f"path=app/{hidden}" not in page
    assert "1 file of 4" in page or "2 files of 4" in page


def test_a_long_list_comes_a_page_at_a_time_and_keeps_its_filters(client: FlaskClient) -> None:
    scan = a_report(*(a_file(f"app/file{number:03}.py") for number in range(150)))

    first, second = (text_of(client, f"/scans/{scan.token}/files?path=file&page={page}") for page in (1, 2))

    assert "file099.py" in first
    assert "file100.py" not in first
    assert f"/scans/{scan.token}/files?path=file&amp;page=2" in first
    assert "file100.py" in second
    assert "Page 2 of 2, 150 files" in second
    assert f'rel="prev" href="/scans/{scan.token}/files?path=file"' in second


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999999999999", "²", ""])
def test_any_page_number_is_answered(client: FlaskClient, page: str) -> None:
    scan = a_report()

    for tab in ("/files", "/licences", "/packages", "/errors", "/files?path=m", "/detections/mit-1234"):
        joined = "&" if "?" in tab else "?"
        assert client.get(f"/scans/{scan.token}{tab}{joined}page={quote(page)}").status_code == 200


@pytest.mark.parametrize("name", ["token", "_external", "_anchor", "endpoint", "_method", "filename"])
def test_names_that_mean_something_to_flask_mean_nothing_in_an_address(client: FlaskClient, name: str) -> None:
    scan = a_report(*(a_file(f"app/file{number:03}.py") for number in range(150)))

    page = text_of(client, f"/scans/{scan.token}/files?path=file&{name}=x")

    assert f"/scans/{scan.token}/files?path=file&amp;{name}=x&amp;page=2" in page


def test_a_file_shows_all_its_findings(client: FlaskClient) -> None:
    scan = a_report(
        a_file(
            "app/main.py",
            authors=[{"author": "Alan", "start_line": 5, "end_line": 5}],
            emails=[{"email": "ada@example.org", "start_line": 6, "end_line": 6}],
            scan_errors=["ERROR: for scanner: packages:\nbroken"],
        )
    )

    page = text_of(client, f"/scans/{scan.token}/file?path=app/main.py")

    for finding in ("Copyright 2020 Ada Example", "Alan", "ada@example.org", "https://example.org/home", "lines 3–4",
                    "mit_1.RULE", "99.5", "ERROR: for scanner: packages:\nbroken", "ab" * 32):  # fmt: skip
        assert finding in page


def test_each_line_with_a_finding_can_be_linked_to(client: FlaskClient) -> None:
    both = {"start_line": 7, "end_line": 7}
    scan = a_report(
        a_file(
            "app/main.py",
            copyrights=[{"copyright": "(c) Ada", **both}],
            holders=[{"holder": "Ada", **both}],
            urls=[{"url": "https://example.org/", "start_line": 9, "end_line": 9}],
        )
    )

    page = text_of(client, f"/scans/{scan.token}/file?path=app/main.py")

    for line in (3, 7, 9):
        assert page.count(f'id="L{line}"') == 1
        assert f'href="#L{line}"' in page


def test_a_report_that_cannot_be_read_says_so(client: FlaskClient) -> None:
    scan = a_report()
    storage().delete(f"{scan.report}/report.sqlite")

    response = client.get(f"/scans/{scan.token}")

    assert response.status_code == 500
    assert "Something broke on our side" in response.text


def test_packages_stand_with_what_they_need(client: FlaskClient) -> None:
    scan = a_report(
        a_file("app/main.py", license="gpl-2.0", for_packages=[UID]),
        a_file("app/setup.py", for_packages=[UID]),
        packages=[a_package()],
        dependencies=[a_dependency(), a_dependency(purl="pkg:pypi/orphan", for_package_uid=None)],
    )

    listed = text_of(client, f"/scans/{scan.token}/packages")
    package = text_of(client, f"/scans/{scan.token}/package?uid={quote(UID)}")

    assert "pkg:pypi/<wbr>app@1.0" in listed
    assert "pkg:pypi/<wbr>orphan" in listed
    assert "pkg:pypi/<wbr>flask" in package
    assert "An application." in package
    assert "Its files name licences that it does not declare" in package


def test_a_licence_has_its_text_and_a_detection_its_reasons(client: FlaskClient) -> None:
    scan = a_report()

    licence = text_of(client, f"/scans/{scan.token}/licences/mit")
    detection = text_of(client, f"/scans/{scan.token}/detections/mit-1234")

    assert "The text of mit." in licence
    assert "may be used for nearly anything" in licence
    assert "licensed under MIT" in detection
    assert "app/<wbr>main.py" in detection
    assert "Score 99.5: 3 words, 100 % of rule" in detection
    assert "MIT License" in detection


def test_detections_are_told_apart_by_rule_and_score(client: FlaskClient) -> None:
    matches = [a_match(score=80.0, rule_identifier=name) for name in ("mit_1.RULE", "mit_2.RULE", "mit_2.RULE")]
    scan = a_report(license_detections=[a_detection("mit", reference_matches=matches)])

    page = text_of(client, f"/scans/{scan.token}/licences")

    assert "<code>mit_1.RULE</code> and 1 more" in page
    assert '<td class="number wide">80</td>' in page


def test_errors_stand_by_their_files(client: FlaskClient) -> None:
    scan = a_report(a_file("app/main.py"), a_file("app/slow.py", scan_errors=["ERROR: it took too long"]))

    page = text_of(client, f"/scans/{scan.token}/errors")

    assert "1 file could not be scanned in full" in page
    assert "slow.py" in page
    assert "ERROR: it took too long" in page


def test_nothing_a_stranger_wrote_is_markup(client: FlaskClient) -> None:
    path = f"app/{HOSTILE.replace('/', '_')}"
    finding = {"start_line": 1, "end_line": 1}
    scan = a_report(
        a_file(
            path,
            license=None,
            copyrights=[{"copyright": HOSTILE, **finding}],
            holders=[{"holder": HOSTILE, **finding}],
            authors=[{"author": HOSTILE, **finding}],
            emails=[{"email": HOSTILE, **finding}],
            urls=[{"url": HOSTILE, **finding}, {"url": "javascript:alert(1)", **finding}],
            scan_errors=[HOSTILE],
            for_packages=[UID],
            programming_language=HOSTILE,
            file_type=HOSTILE,
        ),
        scan={
            "asked": f"https://example.org/{HOSTILE}",
            "title": HOSTILE,
            "notes": [HOSTILE],
            "source": {"url": HOSTILE, "purl": HOSTILE, "version": HOSTILE, "commit": HOSTILE, "size": 1},
        },
        summary=a_summary(declared_holder=HOSTILE),
        packages=[a_package(name=HOSTILE, version=HOSTILE, description=HOSTILE, homepage_url="javascript:alert(1)",
                            holder=HOSTILE, extracted_license_statement=HOSTILE, purl=HOSTILE)],
        dependencies=[a_dependency(purl=HOSTILE, extracted_requirement=HOSTILE, scope=HOSTILE)],
    )  # fmt: skip
    quoted = quote(path, safe="")
    addresses = [*TABS, "/files?path=app", f"/files?path={quote(HOSTILE)}&holder={quote(HOSTILE)}",
                 f"/file?path={quoted}", f"/package?uid={quote(UID)}"]  # fmt: skip

    for address in addresses:
        page = text_of(client, f"/scans/{scan.token}{address}")

        assert "<script>alert" not in page, address
        assert 'href="javascript:' not in page, address
        assert "alert(&#34;x&#34;)" in page, address


def test_names_that_hide_what_they_are_are_spelled_out(client: FlaskClient) -> None:
    scan = a_report(a_file("app/\u202egpj.exe"), a_file("app/bad\udcff.py"), a_file("app/new\nline.py"))

    page = text_of(client, f"/scans/{scan.token}/files?path=app")

    assert "\u202e" not in page
    assert "⟨U+202E⟩gpj.exe" in page
    assert "bad\\xff.py" in page
    assert "new⟨U+000A⟩line.py" in page


@pytest.mark.parametrize("name", ["\u202egpj.exe", "bad\\xff.py", "a b&c=d#e?f%20g+h.py", "..", "x" * 250, "مرحبا.py"])
def test_a_file_is_found_by_the_link_in_the_list(client: FlaskClient, name: str) -> None:
    scan = a_report(a_file(f"app/{name}"))
    listed = text_of(client, f"/scans/{scan.token}/files")
    start = listed.index(f'href="/scans/{scan.token}/file?') + len('href="')
    link = listed[start : listed.index('"', start)].replace("&amp;", "&")

    page = text_of(client, link)

    assert "Copyright 2020 Ada Example" in page


@pytest.mark.parametrize("tab", [*TABS, "/report.json", "/status.json", "/files?path=x"])
def test_a_report_stays_between_those_who_have_its_link(client: FlaskClient, tab: str) -> None:
    scan = a_report()

    with client.get(f"/scans/{scan.token}{tab}") as response:
        headers = response.headers

    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Cache-Control"].startswith("private")
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_thousand_licences_fit_on_a_page(client: FlaskClient) -> None:
    keys = [f"licence-{number}" for number in range(1000)]
    scan = a_report(
        *(a_file(f"app/{key}", license=key) for key in keys[:300]),
        a_file("app/all", license=" AND ".join(keys)),
        license_references=[a_license(key) for key in keys],
        summary=a_summary(" AND ".join(keys)),
    )

    listed = text_of(client, f"/scans/{scan.token}/licences")
    summary = text_of(client, f"/scans/{scan.token}")

    assert listed.count("/licences/licence-") == 1000
    assert len(summary) < 60_000


@pytest.mark.parametrize("token", ["-AAAAAAAAAAAAAAAAAAAA_", "_AAAAAAAAAAAAAAAAAAAA-"])
def test_a_report_can_be_kept_under_any_token(client: FlaskClient, token: str) -> None:
    scan = a_report(scan={"token": token})

    assert "app-1.0.tar.gz" in text_of(client, f"/scans/{scan.token}/files")


def test_a_key_file_that_states_another_licence_is_not_said_to_state_the_declared_one(client: FlaskClient) -> None:
    scan = a_report(
        a_file("app/LICENSE", is_key_file=True),
        a_file("app/COPYING", "gpl-2.0", is_key_file=True),
    )

    page = " ".join(text_of(client, f"/scans/{scan.token}").split())

    stated, _, otherwise = page.partition("Others at the top say otherwise:")
    assert "LICENSE" in stated[stated.index("Stated in") :]
    assert "COPYING" not in stated
    assert "COPYING" in otherwise[: otherwise.index("(GPL-2.0-only)")]


def test_an_expression_without_end_takes_no_sentence(client: FlaskClient) -> None:
    keys = " AND ".join(f"licence-{number}" for number in range(30))
    files = [a_file("app/a.c", "gpl-2.0", for_packages=[UID])]
    scan = a_report(*files, packages=[a_package(declared_license_expression_spdx=keys)])

    page = text_of(client, f"/scans/{scan.token}")

    assert "name licences beside the licences that it declares: GPL-2.0-only." in page
