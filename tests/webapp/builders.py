"""The valid case: scans in every state, and reports made from ScanCode's JSON Lines with as little as it takes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from flask import current_app

from reports import store, texts
from webapp.extensions import db
from webapp.models import Batch, Scan, State, now
from webapp.results import SCANCODE_JSON, STORE, TEXTS, storage

NAMES = {"mit": "MIT License", "gpl-2.0": "GNU General Public License 2.0"}
CATEGORIES = {"mit": "Permissive", "gpl-2.0": "Copyleft"}
SPDX = {"mit": "MIT", "gpl-2.0": "GPL-2.0-only"}


def a_scan(state: State = State.QUEUED, **values: Any) -> Scan:
    """Store a scan that stands where ``state`` says."""
    defaults: dict[str, Any] = {"asked": "https://example.org/app-1.0.tar.gz", "title": "app-1.0.tar.gz"}
    if state is not State.QUEUED:
        defaults["started_at"] = now()
    if state.final:
        defaults["finished_at"] = now()
    if state in (State.SCANNING, State.ASSEMBLING):
        defaults |= {"files_total": 16, "bytes_done": 58_000, "bytes_total": 58_000, "scanning_at": now()}
    scan = Scan(**{**defaults, "state": state, **values})
    db.session.add(scan)
    db.session.commit()
    return scan


def a_batch(scan: Scan, **values: Any) -> Batch:
    """Store a batch of ``scan``."""
    batch = Batch(**{"scan_id": scan.id, "number": 0, "files": 16, "bytes": 160_000, **values})
    db.session.add(batch)
    db.session.commit()
    return batch


def a_report(*files: dict[str, Any], scan: dict[str, Any] | None = None, **parts: Any) -> Scan:
    """Store a finished scan with a report of ``files``; ``parts`` replace parts of ScanCode's output."""
    return with_report(a_scan(State.DONE, **(scan or {})), *files, **parts)


def with_report(stored: Scan, *files: dict[str, Any], **parts: Any) -> Scan:
    """Store a report for a scan."""
    folder = Path(current_app.config["INSTANCE"])
    lines = scancode_lines(*(files or (a_file("app/main.py"), a_file("app/NOTICE", license=None))), **parts)
    (folder / "lines").write_text("".join(json.dumps(line) + "\n" for line in lines))
    about = {"source": stored.source, "title": stored.title, "asked": stored.asked, "notes": stored.notes}
    store.build(folder / "lines", folder / "draft.sqlite", about=about)
    (folder / "draft.json.gz").write_bytes(gzip.compress(json.dumps(lines).encode()))
    stored.report = f"{stored.prefix}/report-1"
    db.session.commit()
    storage().put(f"{stored.report}/{STORE}", folder / "draft.sqlite")
    storage().put(f"{stored.report}/{SCANCODE_JSON}", folder / "draft.json.gz")
    return stored


def with_texts(stored: Scan, *, whole: bool = True, **files: str) -> Scan:
    """Keep the texts of files of "app" with a scan's report, or what matched a licence in them."""
    folder = Path(current_app.config["INSTANCE"])
    (folder / "workspace" / "app").mkdir(parents=True)
    for name, text in files.items():
        (folder / "workspace" / "app" / name).write_text(text)
    with storage().local(f"{stored.report}/{STORE}") as report:
        texts.build(folder / "workspace", report, folder / "texts", whole=whole)
    storage().put(f"{stored.report}/{TEXTS}", folder / "texts")
    return stored


def scancode_lines(*files: dict[str, Any], **parts: Any) -> list[dict[str, Any]]:
    """Return ScanCode's JSON Lines for a folder "app" with these files."""
    whole = {
        "headers": [a_header()],
        "summary": a_summary(),
        "packages": [],
        "dependencies": [],
        "license_detections": [a_detection("mit")],
        "license_references": [a_license(key) for key in NAMES],
        "license_rule_references": [a_rule()],
        "tallies": {},
        **parts,
    }
    folder = a_file("app", type="directory", license=None, size=0, files_count=len(files))
    return [*({name: value} for name, value in whole.items()), *({"files": [file]} for file in (folder, *files))]


def a_header() -> dict[str, Any]:
    return {
        "tool_name": "scancode-toolkit",
        "tool_version": "32.5.0",
        "options": {"input": ["app"], "--license": True},
        "notice": "Generated with ScanCode\nand provided as it is.",
        "start_timestamp": "2026-11-22T123046.428528",
        "end_timestamp": "2026-11-22T123047.428528",
        "output_format_version": "4.1.0",
        "duration": 1.0,
        "errors": [],
        "warnings": [],
        "extra_data": {"spdx_license_list_version": "3.27"},
    }


def a_summary(declared: str | None = "mit", **values: Any) -> dict[str, Any]:
    return {
        "declared_license_expression": declared,
        "license_clarity_score": {
            "score": 90,
            "declared_license": True,
            "identification_precision": True,
            "has_license_text": False,
            "declared_copyrights": True,
            "conflicting_license_categories": False,
            "ambiguous_compound_licensing": False,
        },
        "declared_holder": "Ada Example",
        "primary_language": "Python",
        "other_license_expressions": [],
        "other_holders": [],
        "other_languages": [],
        **values,
    }


def a_license(key: str, **values: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": NAMES.get(key, key),
        "short_name": key,
        "category": CATEGORIES.get(key, "Permissive"),
        "spdx_license_key": SPDX.get(key, f"LicenseRef-scancode-{key}"),
        "text": f"The text of {key}.",
        "homepage_url": "https://example.org/licence",
        **values,
    }


def a_rule(**values: Any) -> dict[str, Any]:
    return {
        "identifier": "mit_1.RULE",
        "license_expression": "mit",
        "text": "licensed under MIT",
        "relevance": 100,
        "rule_url": "https://example.org/mit_1.RULE",
        "is_license_notice": True,
        **values,
    }


def a_match(license: str = "mit", path: str = "app/main.py", **values: Any) -> dict[str, Any]:
    return {
        "license_expression": license,
        "license_expression_spdx": SPDX.get(license, license),
        "from_file": path,
        "start_line": 3,
        "end_line": 4,
        "matcher": "2-aho",
        "score": 99.5,
        "matched_length": 3,
        "match_coverage": 100.0,
        "rule_relevance": 100,
        "rule_identifier": "mit_1.RULE",
        "rule_url": "https://example.org/mit_1.RULE",
        **values,
    }


def a_detection(license: str, **values: Any) -> dict[str, Any]:
    return {
        "identifier": f"{license}-1234",
        "license_expression": license,
        "license_expression_spdx": SPDX.get(license, license),
        "detection_count": 1,
        "detection_log": [],
        "reference_matches": [a_match(license)],
        **values,
    }


def a_file(path: str, license: str | None = "mit", **values: Any) -> dict[str, Any]:
    spdx = SPDX.get(license, license) if license else None
    detection = {
        "identifier": f"{license}-1234",
        "license_expression": license,
        "license_expression_spdx": spdx,
        "matches": [a_match(license or "", path)],
    }
    return {
        "path": path,
        "type": "file",
        "name": path.rpartition("/")[2],
        "size": 1234,
        "sha256": "ab" * 32,
        "programming_language": "Python",
        "is_source": True,
        "file_type": "Python script, ASCII text",
        "detected_license_expression": license,
        "detected_license_expression_spdx": spdx,
        "license_detections": [detection] if license else [],
        "license_clues": [],
        "copyrights": [{"copyright": "Copyright 2020 Ada Example", "start_line": 1, "end_line": 1}],
        "holders": [{"holder": "Ada Example", "start_line": 1, "end_line": 1}],
        "authors": [],
        "emails": [],
        "urls": [{"url": "https://example.org/home", "start_line": 2, "end_line": 2}],
        "for_packages": [],
        "package_data": [],
        "scan_errors": [],
        "files_count": 0,
        "dirs_count": 0,
        "size_count": 0,
        **values,
    }


def a_package(**values: Any) -> dict[str, Any]:
    return {
        "type": "pypi",
        "namespace": None,
        "name": "app",
        "version": "1.0",
        "description": "An application.",
        "homepage_url": "https://example.org/",
        "holder": "Ada Example",
        "declared_license_expression": "mit",
        "declared_license_expression_spdx": "MIT",
        "extracted_license_statement": "MIT",
        "license_detections": [],
        "other_license_detections": [],
        "package_uid": "pkg:pypi/app@1.0?uuid=11111111-2222-3333-4444-555555555555",
        "datafile_paths": ["app/setup.py"],
        "purl": "pkg:pypi/app@1.0",
        **values,
    }


def a_dependency(**values: Any) -> dict[str, Any]:
    return {
        "purl": "pkg:pypi/flask",
        "extracted_requirement": ">=3",
        "scope": "install",
        "is_runtime": True,
        "is_optional": False,
        "is_pinned": False,
        "is_direct": True,
        "dependency_uid": "pkg:pypi/flask?uuid=1",
        "for_package_uid": "pkg:pypi/app@1.0?uuid=11111111-2222-3333-4444-555555555555",
        "datafile_path": "app/setup.py",
        **values,
    }
