"""ScanCode's JSON → the values of a report. What is not packed has been cleaned already."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from reports.schema import unpack, unpack_clean
from reports.values import (
    Dependency,
    Detection,
    FileDetail,
    FileDetection,
    FileRow,
    Finding,
    Header,
    License,
    LicenseText,
    Match,
    Package,
    Resolved,
    Rule,
    Share,
)
from reports.words import license_keys

_RULE_KINDS = ("text", "notice", "reference", "tag", "intro", "clue")


def to_header(data: dict[str, Any]) -> Header:
    """Make the header from the first of ScanCode's "headers"."""
    extra = data.get("extra_data") or {}
    return Header(
        tool=data.get("tool_name") or "",
        version=data.get("tool_version") or "",
        notice=data.get("notice") or "",
        started=data.get("start_timestamp") or "",
        ended=data.get("end_timestamp") or "",
        duration=data.get("duration") or 0.0,
        spdx_license_list=extra.get("spdx_license_list_version") or "",
        output_format=data.get("output_format_version") or "",
        options=data.get("options") or {},
        errors=tuple(data.get("errors") or ()),
        warnings=tuple(data.get("warnings") or ()),
    )


def to_license(row: tuple[Any, ...]) -> License:
    """Make a licence from the columns of ``reports.rows.LICENSE``."""
    key, spdx, name, category, is_exception, is_unknown, files = row
    return License(key, spdx, name, category, bool(is_exception), bool(is_unknown), files)


def to_detection(row: tuple[Any, ...]) -> Detection:
    """Make a unique detection from the columns of ``reports.rows.DETECTION``."""
    identifier, expression, spdx, categories, count, packed = row
    matches = unpack_clean(packed).get("reference_matches") or ()
    rules = dict.fromkeys(match.get("rule_identifier") or "" for match in matches)
    score = min((match.get("score") or 0.0 for match in matches), default=0.0)
    return Detection(identifier, expression, spdx, tuple(json.loads(categories)), count, tuple(rules), score)


def to_license_text(license: License, data: dict[str, Any]) -> LicenseText:
    """Make a licence with its text from an item of "license_references"."""
    return LicenseText(
        license=license,
        text=data.get("text") or "",
        homepage=data.get("homepage_url") or "",
        owner=data.get("owner") or "",
        notes=data.get("notes") or "",
        spdx_url=data.get("spdx_url") or "",
        database_url=data.get("licensedb_url") or "",
        data=data,
    )


def detections_of(file: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the detections in a file of ScanCode's report, each with whether it is one of its package data."""
    for detection in file.get("license_detections") or ():
        yield detection, False
    for package in file.get("package_data") or ():
        for name in ("license_detections", "other_license_detections"):
            for detection in package.get(name) or ():
                yield detection, True


def to_match(data: dict[str, Any]) -> Match:
    """Make a match from an item of "matches"."""
    return Match(
        expression=data.get("license_expression") or "",
        spdx=data.get("license_expression_spdx") or "",
        path=data.get("from_file") or "",
        start_line=data.get("start_line") or 0,
        end_line=data.get("end_line") or 0,
        score=data.get("score") or 0.0,
        coverage=data.get("match_coverage") or 0.0,
        relevance=data.get("rule_relevance") or 0,
        length=data.get("matched_length") or 0,
        matcher=data.get("matcher") or "",
        rule=data.get("rule_identifier") or "",
        rule_url=data.get("rule_url") or "",
        text=data.get("matched_text") or "",
    )


def to_rule(data: dict[str, Any]) -> Rule:
    """Make a rule from an item of "license_rule_references"."""
    return Rule(
        identifier=data["identifier"],
        expression=data.get("license_expression") or "",
        text=data.get("text") or "",
        kind=next((kind for kind in _RULE_KINDS if data.get(f"is_license_{kind}")), ""),
        relevance=data.get("relevance") or 0,
        url=data.get("rule_url") or "",
        data=data,
    )


def _undeclared(declared: str | None, detected: list[list[Any]]) -> tuple[str, ...] | None:
    """Return the licences that a package's files name and it does not declare; None if nothing can be compared.

    ScanCode's licences with "unknown" in their key stand for no licence in particular, and contradict none.
    """
    found = [key for expression, _ in detected for key in license_keys(expression) if "unknown" not in key]
    if not declared or not found:
        return None
    known = set(license_keys(declared))
    return tuple(dict.fromkeys(key for key in found if key not in known))


def to_package(uid: str, dependencies: int, detected: str, packed: bytes, files: int) -> Package:
    """Make a package from its row."""
    data = unpack_clean(packed)
    found = json.loads(detected)
    names = [part for part in (data.get("namespace"), data.get("name")) if part]
    return Package(
        uid=uid,
        purl=data.get("purl") or "",
        type=data.get("type") or "",
        name="/".join(names),
        version=data.get("version") or "",
        declared=data.get("declared_license_expression"),
        declared_spdx=data.get("declared_license_expression_spdx"),
        statement=data.get("extracted_license_statement") or "",
        detected=tuple(Share(value, count) for value, count in found),
        undeclared=_undeclared(data.get("declared_license_expression_spdx"), found),
        holder=data.get("holder") or "",
        homepage=data.get("homepage_url") or "",
        description=data.get("description") or "",
        datafiles=tuple(data.get("datafile_paths") or ()),
        files=files,
        dependencies=dependencies,
        data=data,
    )


def _name_in(purl: str) -> str:
    """Return namespace and name of a purl, as far as they can be made out."""
    path = purl.partition("#")[0].partition("?")[0].removeprefix("pkg:").partition("/")[2] or purl
    name, at, _ = path.rpartition("@")
    return unquote(name if at and name else path)


def _version_in(purl: str) -> str:
    path = purl.partition("#")[0].partition("?")[0]
    head, at, version = path.rpartition("@")
    return unquote(version) if at and "/" in head and "/" not in version else ""


#: So deep may packages that need packages be nested, and so many of each are told: the rest is in the JSON.
_DEPTH = 3
_NEEDS = 100


def _to_resolved(data: dict[str, Any] | None, depth: int) -> Resolved | None:
    """Make the package that a dependency was settled on from its "resolved_package", which is empty for none."""
    if not data or not data.get("purl"):
        return None
    items = (data.get("dependencies") or ())[:_NEEDS] if depth < _DEPTH else ()
    needs = tuple(to_dependency(None, item, depth + 1) for item in items)
    return Resolved(data["purl"], data.get("declared_license_expression_spdx"), needs)


def _text(value: Any) -> str:
    """Return a text as it is; what ScanCode hands on as it found it, such as poetry's tables, as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""


def to_dependency(package: str | None, data: dict[str, Any], depth: int = 0) -> Dependency:
    """Make a dependency from an item of "dependencies", or of such a list at this depth within one."""
    purl = data.get("purl") or ""
    return Dependency(
        purl=purl,
        name=_name_in(purl),
        version=_version_in(purl),
        requirement=_text(data.get("extracted_requirement")),
        scope=_text(data.get("scope")),
        is_runtime=bool(data.get("is_runtime")),
        is_optional=bool(data.get("is_optional")),
        is_pinned=bool(data.get("is_pinned")),
        is_direct=bool(data.get("is_direct")),
        datafile=data.get("datafile_path") or "",
        package=package,
        resolved=_to_resolved(data.get("resolved_package"), depth),
    )


def add_totals(row: FileRow, totals: dict[str, Any]) -> FileRow:
    """Give a folder's row the totals of what is in it."""
    return replace(
        row,
        size=totals["bytes"],
        errors=totals["errors"],
        unlicensed=totals["unlicensed"],
        licenses=tuple(Share(key, files) for key, files in totals["licenses"]),
    )


def _findings(data: dict[str, Any], kind: str) -> tuple[Finding, ...]:
    found = data.get(f"{kind}s") or ()
    return tuple(Finding(item[kind], item["start_line"], item["end_line"]) for item in found)


def _to_file_detection(data: dict[str, Any]) -> FileDetection:
    matches = tuple(to_match(match) for match in data["matches"])
    expression = data.get("license_expression") or ""
    return FileDetection(data["identifier"], expression, data.get("license_expression_spdx") or "", matches)


def to_file(row: FileRow, parents: tuple[tuple[str, str], ...], packed: bytes, layer: int | None = None) -> FileDetail:
    """Make a file from its row, its item of "files" and the layer that it came with."""
    data = unpack_clean(packed)
    return FileDetail(
        row=row,
        parents=parents,
        detections=tuple(_to_file_detection(item) for item in data.get("license_detections") or ()),
        clues=tuple(to_match(item) for item in data.get("license_clues") or ()),
        copyrights=_findings(data, "copyright"),
        holders=_findings(data, "holder"),
        authors=_findings(data, "author"),
        emails=_findings(data, "email"),
        urls=_findings(data, "url"),
        errors=tuple(data.get("scan_errors") or ()),
        packages=tuple(data.get("for_packages") or ()),
        stored_path=unpack(packed)["path"] if "\\" in data["path"] else data["path"],
        layer=layer,
        data=data,
    )
