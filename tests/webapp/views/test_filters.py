"""The form that filters the list of files, and what leads to it."""

from __future__ import annotations

from urllib.parse import quote

from flask.testing import FlaskClient

from tests.webapp.builders import a_file, a_package, a_report

UID = a_package()["package_uid"]


def text_of(client: FlaskClient, address: str) -> str:
    """Return a page, with single spaces."""
    return " ".join(client.get(address).text.split())


def test_files_can_be_held_to_a_package_and_the_count_is_told(client: FlaskClient) -> None:
    files = [a_file("app/in.py", for_packages=[UID]), a_file("app/out.py")]
    scan = a_report(*files, packages=[a_package()])

    form = text_of(client, f"/scans/{scan.token}/files")
    found = text_of(client, f"/scans/{scan.token}/files?package={quote(UID)}&license=mit")

    assert f'<option value="{UID}">pkg:pypi/app@1.0 (1)</option>' in form
    assert f'<option value="{UID}" selected>pkg:pypi/app@1.0 (1)</option>' in found
    assert '<option value="mit" selected>MIT (1)</option>' in found
    assert "1 file of 2" in found
    assert "out.py" not in found


def test_without_packages_there_is_no_filter_for_them(client: FlaskClient) -> None:
    scan = a_report()

    assert 'name="package"' not in text_of(client, f"/scans/{scan.token}/files")


def test_a_search_in_a_folder_says_so_and_can_leave_it(client: FlaskClient) -> None:
    scan = a_report(
        a_file("app/lib", type="directory", license=None, size=0), a_file("app/lib/a.py"), a_file("app/b.py")
    )

    page = text_of(client, f"/scans/{scan.token}/files?folder=app/lib&license=mit")

    assert '<input type="checkbox" name="folder" value="app/lib" checked> in' in page
    assert "1 file of 2" in page


def test_a_folder_tells_its_totals(client: FlaskClient) -> None:
    files = [a_file("app/a.py"), a_file("app/b.c", "gpl-2.0"), a_file("app/c", None, scan_errors=["ERROR"])]
    scan = a_report(*files)

    page = text_of(client, f"/scans/{scan.token}/files")

    assert "3 files, 3.7 kB, 1 without a licence" in page
    assert "1 error" in page
    assert 'GPL-2.0-only&nbsp;<span class="soft">1</span>' in page


def test_all_holders_have_a_page_and_each_leads_to_its_files(client: FlaskClient) -> None:
    holders = [{"holder": f"Holder {number:03}", "start_line": 1, "end_line": 1} for number in range(150)]
    scan = a_report(a_file("app/main.py", holders=holders))

    summary = text_of(client, f"/scans/{scan.token}")
    first, second = (text_of(client, f"/scans/{scan.token}/holders?page={page}") for page in (1, 2))

    assert "All 150 holders" in summary
    assert "Holder 099" in first
    assert "Holder 100" not in first
    assert f'<a href="/scans/{scan.token}/files?holder=Holder+149">1</a>' in second
