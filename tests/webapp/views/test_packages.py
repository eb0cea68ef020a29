"""The pages of packages and of what they need."""

from __future__ import annotations

import html
import re
from typing import Any

from flask.testing import FlaskClient

from tests.webapp.builders import a_dependency, a_file, a_package, a_report, a_summary

UID = "pkg:pypi/app@1.0?uuid=11111111-2222-3333-4444-555555555555"


def text_of(client: FlaskClient, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, f"{address} answered {response.status}"
    return " ".join(response.text.split())


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


def settled(purl: str, *needs: dict[str, Any], license: str | None = "MIT") -> dict[str, Any]:
    """Make a "resolved_package"."""
    return {"purl": purl, "declared_license_expression_spdx": license, "dependencies": list(needs)}


def test_dependencies_stand_below_their_package_by_file_and_scope(client: FlaskClient) -> None:
    scan = a_report(
        packages=[a_package()],
        dependencies=[
            a_dependency(purl="pkg:pypi/flask"),
            a_dependency(purl="pkg:pypi/pytest", scope="dev", is_runtime=False, is_optional=True),
            a_dependency(purl="pkg:pypi/loose", for_package_uid=None, datafile_path="app/requirements.txt"),
        ],
    )

    page = plain(text_of(client, f"/scans/{scan.token}/dependencies"))

    assert "pkg:pypi/app@1.0 2 dependencies" in page
    assert page.index("install to run · 1 in app/setup.py") < page.index("pkg:pypi/flask >=3")
    assert page.index("dev to develop, optional · 1") < page.index("pkg:pypi/pytest") < page.index("Of no package")
    assert page.index("Of no package 1 dependency") < page.index("pkg:pypi/loose")


def test_what_a_lockfile_settled_is_shown_with_what_that_needs(client: FlaskClient) -> None:
    inner = a_dependency(purl="pkg:npm/inner", extracted_requirement="~2")
    outer = a_dependency(purl="pkg:npm/outer", resolved_package=settled("pkg:npm/outer@1.2.3", inner))
    scan = a_report(packages=[a_package()], dependencies=[outer])

    page = text_of(client, f"/scans/{scan.token}/dependencies")
    table = plain(text_of(client, f"/scans/{scan.token}/package?uid={UID}"))

    assert "pkg:npm/outer >=3 → pkg:npm/outer@1.2.3 · MIT pkg:npm/inner ~2" in plain(page)
    assert page.count('<details class="tree"') == page.count("<details><summary>") == 1
    assert "→ pkg:npm/outer@1.2.3, MIT" in table


def test_a_needed_package_that_is_in_the_code_is_linked(client: FlaskClient) -> None:
    vendored = a_package(purl="pkg:pypi/flask@3.1.0", package_uid="pkg:pypi/flask@3.1.0?uuid=9")
    needs = [a_dependency(purl=f"pkg:pypi/{name}", is_pinned=True) for name in ("flask@3.1.0", "flask@3.1")]
    scan = a_report(packages=[a_package(), vendored], dependencies=needs)

    page = text_of(client, f"/scans/{scan.token}/dependencies")

    assert page.count("in this code") == 1
    assert "/package?uid=pkg:pypi/flask@3.1.0?uuid%3D9" in page


def test_a_long_list_is_cut_and_leads_on(client: FlaskClient) -> None:
    needs = [a_dependency(purl=f"pkg:pypi/d{n:03}") for n in range(150)]
    loose = [a_dependency(purl=f"pkg:pypi/l{n:03}", for_package_uid=None) for n in range(150)]
    scan = a_report(packages=[a_package()], dependencies=[*needs, *loose])
    address = f"/scans/{scan.token}"

    page = text_of(client, f"{address}/dependencies")
    others = text_of(client, f"{address}/dependencies/of-no-package?page=2")

    assert "All 150 dependencies of it" in page
    assert "All 150 of them" in page
    assert ("d024" in page, "d025" in page, "l024" in page, "l025" in page) == (True, False, True, False)
    assert "l149" in others


def test_packages_come_a_page_at_a_time(client: FlaskClient) -> None:
    packages = [a_package(purl=f"pkg:pypi/p{n:02}", package_uid=f"pkg:pypi/p{n:02}?uuid={n}") for n in range(30)]
    needs = [a_dependency(for_package_uid=package["package_uid"]) for package in packages]
    scan = a_report(packages=packages, dependencies=[*needs, a_dependency(for_package_uid=None)])

    first, last = (text_of(client, f"/scans/{scan.token}/dependencies?page={page}") for page in (1, 3))

    assert first.count('class="tree"') == 10
    assert last.count('class="tree"') == 11
    assert ("Of no package" in first, "Of no package" in last) == (False, True)


def test_without_dependencies_the_tree_says_so(client: FlaskClient) -> None:
    scan = a_report()

    assert "None were found" in text_of(client, f"/scans/{scan.token}/dependencies")
    assert "There are none." in text_of(client, f"/scans/{scan.token}/dependencies/of-no-package")


def test_packages_nested_without_end_are_cut(client: FlaskClient) -> None:
    nested: dict[str, Any] = settled("pkg:npm/end@1")
    for depth in range(100):
        nested = settled(f"pkg:npm/d{depth}@1", a_dependency(purl=f"pkg:npm/d{depth}", resolved_package=nested))
    scan = a_report(packages=[a_package()], dependencies=[a_dependency(resolved_package=nested)])

    page = text_of(client, f"/scans/{scan.token}/dependencies")

    assert ("pkg:npm/d98" in plain(page), "pkg:npm/d50" in plain(page)) == (True, False)


def test_declared_and_detected_licence_stand_side_by_side(client: FlaskClient) -> None:
    scan = a_report(
        a_file("app/a.py", for_packages=[UID]), a_file("app/b.c", "gpl-2.0", for_packages=[UID]), packages=[a_package()]
    )

    table = plain(text_of(client, f"/scans/{scan.token}/packages"))
    page = plain(text_of(client, f"/scans/{scan.token}/package?uid={UID}"))

    assert "MIT differs: its files name GPL-2.0-only" in table
    assert "GPL-2.0-only 1" in table
    assert "Its files name licences that it does not declare: GPL-2.0-only." in page


def test_a_score_of_nothing_beside_a_package_that_declares_is_explained(client: FlaskClient) -> None:
    parts = dict.fromkeys(("declared_license", "identification_precision", "has_license_text"), False)
    clarity = {"score": 0, **parts, "ambiguous_compound_licensing": True}
    scan = a_report(packages=[a_package()], summary=a_summary(license_clarity_score=clarity))
    undeclared = a_report(packages=[a_package()], summary=a_summary(None, license_clarity_score=clarity))

    page, other = (text_of(client, f"/scans/{one.token}") for one in (scan, undeclared))

    assert "ScanCode scores the licences of key files only" in page
    assert "no licence is declared" not in page
    assert "Declared by pkg:pypi/app@1.0" in plain(page)
    assert "key files only" not in other
    assert "no licence is declared" in other


def test_a_requirement_that_is_a_table_is_shown_as_it_stands(client: FlaskClient) -> None:
    # What ScanCode makes of poetry.lock.
    inner = a_dependency(purl="pkg:pypi/colorama", extracted_requirement={"version": "*", "markers": "<b>"})
    outer = a_dependency(purl="pkg:pypi/click", for_package_uid=None, resolved_package=settled("pkg:pypi/c@1", inner))
    scan = a_report(dependencies=[outer, a_dependency(extracted_requirement={"version": "^2"})])

    page = plain(text_of(client, f"/scans/{scan.token}/dependencies"))

    assert 'pkg:pypi/colorama {"version": "*", "markers": "<b>"}' in page
