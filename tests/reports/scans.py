"""Reports to test with: ScanCode's JSON Lines, made up."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from reports.formats import write
from reports.store import Report, build

LICENSES: dict[str, tuple[str, str]] = {
    "mit": ("MIT", "Permissive"),
    "apache-2.0": ("Apache-2.0", "Permissive"),
    "bsd-new": ("BSD-3-Clause", "Permissive"),
    "lgpl-2.1": ("LGPL-2.1-only", "Copyleft Limited"),
    "gpl-2.0": ("GPL-2.0-only", "Copyleft"),
    "gpl-3.0-plus": ("GPL-3.0-or-later", "Copyleft"),
    "proprietary-license": ("LicenseRef-scancode-proprietary-license", "Proprietary Free"),
    "unknown-license-reference": ("LicenseRef-scancode-unknown-license-reference", "Unstated License"),
    "bash-exception-gpl": ("LicenseRef-scancode-bash-exception-gpl-2.0", "Copyleft Limited"),
    "classpath-exception-2.0": ("Classpath-exception-2.0", "Copyleft Limited"),
}
_EXCEPTIONS = {"bash-exception-gpl", "classpath-exception-2.0"}


def license_reference(key: str, **changes: Any) -> dict[str, Any]:
    """Make an item of "license_references"."""
    spdx, category = LICENSES[key]
    item = {
        "key": key,
        "short_name": key,
        "name": f"{key.title()} License",
        "category": category,
        "owner": "Somebody",
        "homepage_url": f"https://example.org/{key}",
        "notes": None,
        "is_exception": key in _EXCEPTIONS,
        "is_unknown": key.startswith("unknown"),
        "spdx_license_key": spdx,
        "text": f"The text of {key}.\nIts second line.",
        "licensedb_url": f"https://scancode-licensedb.aboutcode.org/{key}",
        "spdx_url": f"https://spdx.org/licenses/{spdx}",
    }
    return item | changes


def spdx_of(expression: str) -> str:
    return " ".join(LICENSES[token][0] if token in LICENSES else token for token in expression.split(" "))


def match(path: str, expression: str, **changes: Any) -> dict[str, Any]:
    """Make an item of "matches"."""
    item = {
        "license_expression": expression,
        "license_expression_spdx": spdx_of(expression),
        "from_file": path,
        "start_line": 1,
        "end_line": 3,
        "matcher": "2-aho",
        "score": 100.0,
        "matched_length": 20,
        "match_coverage": 100.0,
        "rule_relevance": 100,
        "rule_identifier": "a_rule.RULE",
        "rule_url": "https://example.org/a_rule.RULE",
    }
    return item | changes


def detection(path: str, expression: str) -> dict[str, Any]:
    """Make an item of a file's "license_detections"; those of equal expressions are the same unique detection."""
    digest = hashlib.sha256(expression.encode()).hexdigest()
    return {
        "license_expression": expression,
        "license_expression_spdx": spdx_of(expression),
        "matches": [match(path, expression)],
        "identifier": f"{expression.partition(' ')[0].replace('-', '_')}-{digest[:8]}",
    }


def folder(path: str) -> dict[str, Any]:
    """Make a folder's item of "files"."""
    return _item(path, "directory")


def file(path: str, expression: str | None = None, *, holders: Iterable[str] = (), **changes: Any) -> dict[str, Any]:
    """Make a file's item of "files"."""
    item = _item(path, "file")
    item["size"] = 100
    if expression:
        item["detected_license_expression"] = expression
        item["detected_license_expression_spdx"] = spdx_of(expression)
        item["license_detections"] = [detection(path, expression)]
    item["holders"] = [{"holder": holder, "start_line": 1, "end_line": 1} for holder in holders]
    item["copyrights"] = [
        {"copyright": f"Copyright (c) 2020 {holder}", "start_line": 1, "end_line": 1} for holder in holders
    ]
    for name in ("md5", "sha1", "sha256"):
        item[name] = hashlib.new(name, path.encode("utf-8", "surrogatepass")).hexdigest()
    return item | changes


def _item(path: str, kind: str) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    item: dict[str, Any] = {"path": path, "type": kind, "name": name, "size": 0}
    item |= dict.fromkeys(("sha1", "md5", "sha256", "programming_language", "mime_type"))
    item |= dict.fromkeys(("detected_license_expression", "detected_license_expression_spdx"))
    item |= dict.fromkeys(("is_binary", "is_text", "is_archive", "is_source", "is_key_file"), False)
    lists = ("license_detections", "license_clues", "copyrights", "holders", "authors", "emails", "urls")
    return item | {key: [] for key in (*lists, "package_data", "for_packages", "scan_errors")}


def package(name: str, path: str, declared: str | None = "mit", **changes: Any) -> dict[str, Any]:
    """Make an item of "packages"."""
    item = {
        "type": "npm",
        "namespace": None,
        "name": name,
        "version": "1.0",
        "description": f"What {name} is for",
        "homepage_url": "https://example.org/",
        "download_url": None,
        "copyright": None,
        "holder": None,
        "declared_license_expression": declared,
        "declared_license_expression_spdx": spdx_of(declared) if declared else None,
        "extracted_license_statement": declared,
        "package_uid": f"pkg:npm/{name}@1.0?uuid=00000000-0000-0000-0000-000000000000",
        "datafile_paths": [path],
        "purl": f"pkg:npm/{name}@1.0",
    }
    return item | changes


def dependency(purl: str, owner: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    """Make an item of "dependencies"."""
    item = {
        "purl": purl,
        "extracted_requirement": "^1",
        "scope": "dependencies",
        "is_runtime": True,
        "is_optional": False,
        "is_pinned": False,
        "is_direct": True,
        "for_package_uid": owner and owner["package_uid"],
        "datafile_path": "root/package.json",
    }
    return item | changes


def lines(files: Iterable[dict[str, Any]], **parts: Any) -> Iterator[dict[str, Any]]:
    """Make the lines of a report, in ScanCode's order; ``parts`` replace those of the same name."""
    header = {
        "tool_name": "scancode-toolkit",
        "tool_version": "32.5.0",
        "notice": "A notice.",
        "start_timestamp": "2026-11-22T123046.428528",
        "end_timestamp": "2026-11-22T123107.012914",
        "output_format_version": "4.1.0",
        "options": {"input": ["root"]},
        "errors": [],
        "warnings": [],
        "extra_data": {"spdx_license_list_version": "3.27"},
    }
    yield {"headers": [header]}
    references = [license_reference(key) for key in LICENSES]
    rules = [{"identifier": "a_rule.RULE", "license_expression": "mit", "is_license_notice": True, "text": "Rule."}]
    whole = {"license_references": references, "license_rule_references": rules} | parts
    order = ("summary", "packages", "dependencies", "license_detections", "tallies")
    for name in (*order, "license_references", "license_rule_references"):
        if whole.get(name):
            yield {name: whole[name]}
    for item in files:
        yield {"files": [item]}


def write_lines(path: Path, items: Iterable[dict[str, Any]]) -> Path:
    """Write JSON Lines as ScanCode does."""
    with path.open("w", encoding="ascii") as stream:
        for item in items:
            stream.write(json.dumps(item, separators=(",", ":")) + "\n")
    return path


def large_tree(files: int) -> Iterator[dict[str, Any]]:
    """Make a tree of so many files, 50 to a folder, 20 folders to a folder: as much alike as real code is."""
    keys = ("mit", "mit", "mit", "apache-2.0", "gpl-2.0 OR mit", "lgpl-2.1", None, None)
    languages = ("C", "Python", "JavaScript", None)
    yield folder("root")
    for number in range(files):
        group, part = divmod(number, 1000)
        if part == 0:
            yield folder(f"root/group{group:03}")
        if part % 50 == 0:
            yield folder(f"root/group{group:03}/part{part // 50:02}")
        path = f"root/group{group:03}/part{part // 50:02}/file{number:06}.c"
        holders = [f"Holder {number % 2000}", "Everybody Inc."]
        yield file(
            path,
            keys[number % len(keys)],
            holders=holders,
            programming_language=languages[number % len(languages)],
            urls=[{"url": f"https://example.org/{number // 10}", "start_line": 4, "end_line": 4}],
            emails=[{"email": f"someone{number % 500}@example.org", "start_line": 5, "end_line": 5}],
            scan_errors=["ERROR: for scanner: licenses: timeout"] if number % 997 == 0 else [],
            for_packages=[f"pkg:npm/p{group}@1.0?uuid=00000000-0000-0000-0000-000000000000"],
        )


def build_large(place: Path, files: int = 50_000, about: dict[str, Any] | None = None) -> Path:
    """Build a report of so many files in a folder, with 50 packages and 2,000 dependencies; return its store."""
    packages = [package(f"p{number}", f"root/group{number:03}/package.json") for number in range(50)]
    needs = [dependency(f"pkg:npm/d{n % 300}", packages[n % 50]) for n in range(2000)]
    found = (detection("root", expression) for expression in ("mit", "apache-2.0", "gpl-2.0 OR mit", "lgpl-2.1"))
    detections = [
        {
            "identifier": item["identifier"],
            "license_expression": item["license_expression"],
            "license_expression_spdx": item["license_expression_spdx"],
            "detection_count": 1,
            "reference_matches": item["matches"],
        }
        for item in found
    ]
    parts = {
        "summary": {"declared_license_expression": "mit"},
        "packages": packages,
        "dependencies": needs,
        "license_detections": detections,
    }
    written = write_lines(place / "large.jsonl", lines(large_tree(files), **parts))
    build(written, place / "large.sqlite", about=about or {})
    written.unlink()
    return place / "large.sqlite"


#: A small report in which every filter finds something and misses something.
TREE = [
    folder("root"),
    file("root/LICENSE", "mit", holders=["Ann"], is_key_file=True),
    folder("root/src"),
    file("root/src/a.c", "gpl-2.0 OR mit", holders=["Ann", "Bob"], programming_language="C"),
    file("root/src/b.py", None, programming_language="Python", scan_errors=["ERROR: for scanner: licenses: boom"]),
    folder("root/src/deep"),
    file("root/src/deep/c.py", "unknown-license-reference", programming_language="Python"),
]


def written(report: Report, name: str) -> bytes:
    """Return a report in a format."""
    out = io.BytesIO()
    write(report, name, out)
    return out.getvalue()
