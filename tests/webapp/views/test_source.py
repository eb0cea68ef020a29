from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.builders import a_file, a_match, a_report, with_texts
from webapp.models import Scan
from webapp.results import open_report
from webapp.views.source import LINE_LENGTH, LINES_PER_PAGE, Source, annotate


def a_source(text: str, page: int = 1, *, whole: bool = True, **findings: Any) -> tuple[Scan, Source]:
    """Store a report of one file with its text; return both the scan and the annotated text."""
    scan = a_report(a_file("app/main.py", **{"copyrights": [], "urls": [], **findings}))
    with_texts(scan, whole=whole, **{"main.py": text})
    with open_report(scan) as opened:
        found = opened.file("app/main.py")
    assert found is not None
    return scan, annotate(text.splitlines(), found, page)


def at(line: int, last: int | None = None) -> dict[str, int]:
    return {"start_line": line, "end_line": last or line}


def test_lines_are_marked_by_what_was_found_there(app: Flask) -> None:
    _, source = a_source(
        "(c) Ada\n\nMIT\nMIT\nhttps://example.org\nada@example.org",
        copyrights=[{"copyright": "(c) Ada", **at(1)}],
        urls=[{"url": "https://example.org", **at(5)}],
        emails=[{"email": "ada@example.org", **at(6)}],
    )

    assert [line.kind for line in source.lines] == ["copyright", "", "license", "license", "url", "email"]
    assert [[note.text for note in line.notes] for line in source.lines[:3]] == [["(c) Ada"], [], ["MIT"]]


def test_a_licence_goes_before_what_lies_in_it(app: Flask) -> None:
    _, source = a_source("1\n2\n3\n4\n5", urls=[{"url": "https://example.org", **at(2, 5)}])

    assert [line.kind for line in source.lines] == ["", "url", "license", "license", "url"]


def test_findings_of_other_files_and_beyond_the_end_mark_nothing(app: Flask) -> None:
    elsewhere = {"matches": [a_match("mit", "app/LICENSE", **at(1))], "identifier": "x"}
    elsewhere |= {"license_expression": "mit", "license_expression_spdx": "MIT"}
    _, source = a_source(
        "only",
        license_detections=[elsewhere],
        urls=[{"url": "u", **at(7)}, {"url": "v", **at(0)}, {"url": "w", **at(-5)}],
    )

    assert [(line.kind, line.notes) for line in source.lines] == [("", ())]


def test_long_files_come_a_page_at_a_time_and_links_know_the_page(client: FlaskClient) -> None:
    far = LINES_PER_PAGE + 5
    scan, _ = a_source("x\n" * (far + 5), copyrights=[{"copyright": "(c) Far", **at(far)}])
    address = f"/scans/{scan.token}/file?path=app/main.py"

    first, second = (client.get(f"{address}&page={page}").text for page in (1, 2))

    assert f'id="L{LINES_PER_PAGE}"' in first
    assert f'id="L{far}"' not in first
    assert f"path=app%2Fmain.py&amp;page=2#L{far}" in first
    assert f'<li id="L{far}" class="mark mark-copyright">' in second
    assert f'href="#L{far}"' in second


def test_a_place_of_a_detection_leads_to_its_line(client: FlaskClient) -> None:
    scan, _ = a_source("x\n" * 3000, license_detections=[
        {"identifier": "mit-1234", "license_expression": "mit", "license_expression_spdx": "MIT",
         "matches": [a_match(**at(2500))]}
    ])  # fmt: skip

    page = client.get(f"/scans/{scan.token}/detections/mit-1234").text

    assert f"/scans/{scan.token}/file?path=app/main.py&amp;page=3#L2500" in page


def test_lines_that_are_too_long_are_cut(app: Flask) -> None:
    _, source = a_source("x" * (LINE_LENGTH + 1) + "\nshort")

    assert [(len(line.text), line.rest) for line in source.lines] == [(LINE_LENGTH, 1), (5, 0)]


def test_a_text_is_shown_as_text(client: FlaskClient) -> None:
    scan, _ = a_source("<script>alert(1)</script>\n\tx\u202ey\x1b")

    page = client.get(f"/scans/{scan.token}/file?path=app/main.py").text

    assert "<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>" in page
    assert "<code>\tx⟨U+202E⟩y⟨U+001B⟩</code>" in page


def test_a_file_without_a_kept_text_shows_its_findings(client: FlaskClient) -> None:
    scan = a_report()

    page = client.get(f"/scans/{scan.token}/file?path=app/main.py").text

    assert 'class="source"' not in page
    assert "Copyright 2020 Ada Example" in page


def test_where_texts_are_not_kept_what_matched_is_shown_and_compared(client: FlaskClient) -> None:
    scan, _ = a_source("one\ntwo\nlicensed under\nthe MIT\nfive", whole=False)

    file = client.get(f"/scans/{scan.token}/file?path=app/main.py").text
    detection = client.get(f"/scans/{scan.token}/detections/mit-1234").text

    assert "licensed under\nthe MIT</pre>" in file
    assert "five" not in file
    assert "licensed under\n<mark>the</mark> MIT</pre>" in detection


def test_many_findings_on_many_lines_do_not_add_up(app: Flask) -> None:
    _, source = a_source(
        "x\n" * LINES_PER_PAGE, urls=[{"url": f"u{number}", **at(1, LINES_PER_PAGE)} for number in range(5000)]
    )

    assert source.lines[-1].kind == "url"
    assert len(source.lines[0].notes) == 5000


def test_a_detection_sets_what_was_found_beside_its_rule(client: FlaskClient) -> None:
    scan, _ = a_source("one\ntwo\nlicensed under\nthe MIT")

    page = client.get(f"/scans/{scan.token}/detections/mit-1234").text

    assert "licensed under\n<mark>the</mark> MIT</pre>" in page
    assert "licensed under MIT</pre>" in page


def test_what_a_package_states_is_not_looked_for_in_its_file(client: FlaskClient) -> None:
    scan, _ = a_source("{\n}", license_detections=[])

    page = client.get(f"/scans/{scan.token}/detections/mit-1234").text

    assert "In the file" not in page
    assert "licensed under MIT" in page
