"""Every limit can be reached, and whoever meets it reads its name and its value."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from scanner.addresses import Gate
from scanner.archives import unpack
from scanner.engine.client import Engine
from scanner.errors import ScannerError
from scanner.fetch import Client
from scanner.limits import Limits, size, stated
from scanner.registries import Registries
from scanner.results import FileFindings
from scanner.sources import Access
from tests.scanner.archives import bombs
from tests.scanner.archives.damaged import dictionary
from tests.scanner.archives.making import Member, pax, tar, zip_of
from tests.scanner.engine.test_client import Hooked
from tests.scanner.sources.builders import fetch
from tests.servers import http as serve
from tests.servers import oci
from tests.servers.http import ALLOWED, HttpServer


@dataclass(frozen=True)
class Place:
    """What a case may use."""

    folder: Path
    engine: Engine  #: with ScanCode
    hooked: Hooked  #: whose children do what the file's name says
    app: Flask
    client: FlaskClient


@pytest.fixture(scope="module")
def hooked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hooked]:
    hooked = Hooked(tmp_path_factory.mktemp("hooked"))
    yield hooked
    hooked.close()


@pytest.fixture
def place(tmp_path: Path, engine: Engine, hooked: Hooked, app: Flask, client: FlaskClient) -> Place:
    return Place(tmp_path, engine, hooked, app, client)


def _fetched(route: serve.Route) -> Callable[[Place, Limits], str]:
    def case(place: Place, limits: Limits) -> str:
        with HttpServer({"/x": route}) as server, Client(Gate([ip_network(ALLOWED)]), limits) as client:
            return _sentence(lambda: client.download(server.url("/x"), place.folder))

    return case


def _unpacked(make: Callable[[], bytes]) -> Callable[[Place, Limits], str]:
    def case(place: Place, limits: Limits) -> str:
        (place.folder / "fetched").write_bytes(make())
        notes: list[str] = []

        def act() -> None:
            notes.extend(unpack(place.folder / "fetched", "x.bin", place.folder / "workspace", limits=limits).notes)

        return _sentence(act, otherwise=notes)

    return case


def _sentence(act: Callable[[], object], otherwise: list[str] | None = None) -> str:
    """Return what is said of the limit: by the error, or by the notes where the rest goes on."""
    try:
        act()
    except ScannerError as error:
        return str(error)
    assert otherwise, "the limit was not reached"
    return "\n".join(otherwise)


def _connect_seconds(place: Place, limits: Limits) -> str:
    """Ask a machine that does not answer: the kernel drops what goes beyond the backlog of a listener."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            with Client(Gate([ip_network(ALLOWED)]), limits) as client:
                url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
                return _sentence(lambda: client.download(url, place.folder))
        finally:
            for one in waiting:
                one.close()


def _redirects(place: Place, limits: Limits) -> str:
    with HttpServer() as server, Client(Gate([ip_network(ALLOWED)]), limits) as client:
        server.fallback = lambda request: serve.redirect(f"{request.path}x")(request)
        return _sentence(lambda: client.download(server.url("/"), place.folder))


def _image_layers(place: Place, limits: Limits) -> str:
    with oci.ImageServer() as server:
        server.push("library/demo", "latest", [oci.layer({str(n): b"x"}) for n in range(3)])
        access = Access(registries=Registries(docker=server.url("")))
        return _sentence(lambda: fetch("docker://demo", place.folder, access=access, limits=limits))


def _file(name: str) -> Callable[[Place, Limits], str]:
    return lambda place, limits: place.hooked.scan(name, limits=limits)[name].errors[0]


def _report(place: Place, limits: Limits) -> str:
    """Put a report together of the findings of millions of files, or of findings that come in one line of 100 MB."""
    (place.folder / "root").mkdir()
    (place.folder / "report").mkdir()
    findings = place.folder / "findings"
    line = json.dumps(FileFindings("root/none").as_dict()).encode() + b"\n"
    piece = line * 100_000 if limits.report_seconds == 1 else bytes(1_000_000)
    findings.write_bytes(gzip.compress(piece, 1) * 100)
    target = place.folder / "report"
    return _sentence(lambda: place.engine.assemble(place.folder, "root", [findings], target, limits=limits))


def _form(action: str, text: str) -> Callable[[Place, Limits], str]:
    field = {"paste": "text", "list": "urls"}[action]

    def case(place: Place, limits: Limits) -> str:
        place.app.config["LIMITS"] = limits
        data = {f"{action}-{field}": text, f"{action}-name": "a.c"}
        answer = place.client.post(f"/other-ways/{action}", data=data)
        assert answer.status_code == 422
        return answer.text

    return case


_MANY = {f"f{n}": b"x" for n in range(20)}

#: The limit, the value to which it is lowered, and how it is then reached. What is None keeps its own value.
CASES: dict[str, tuple[int | None, Callable[[Place, Limits], str]]] = {
    "download_bytes": (50_000, _fetched(serve.endless())),
    "download_seconds": (1, _fetched(serve.drip(0.1))),
    "connect_seconds": (1, _connect_seconds),
    "idle_seconds": (1, _fetched(serve.silent())),
    "redirects": (3, _redirects),
    "unpacked_bytes": (50_000, _unpacked(lambda: zip_of({"x": bytes(60_000)}))),
    "unpacked_files": (10, _unpacked(lambda: zip_of(_MANY))),
    "unpacked_ratio": (None, _unpacked(lambda: bombs.gzipped_zeros(120_000_000))),
    "unpack_seconds": (1, _unpacked(lambda: bz2.compress(os.urandom(500_000)) * 120)),
    "unpack_memory": (100_000_000, _unpacked(lambda: dictionary(27))),
    "nested_archives": (1, _unpacked(lambda: zip_of({"a.zip": zip_of({"b.zip": zip_of({"c": b"x"})})}))),
    "path_depth": (5, _unpacked(lambda: zip_of({"a/" * 6 + "x": b"x"}))),
    "path_bytes": (100, _unpacked(lambda: zip_of({"a" * 60 + "/" + "b" * 60: b"x"}))),
    "name_bytes": (50, _unpacked(lambda: tar(pax(path=b"a" * 60), Member(b"x", b"x")))),
    "file_seconds": (1, _file("hangs")),
    "file_memory": (500_000_000, _file("large")),
    "pasted_bytes": (1_000, _form("paste", "x" * 1_001)),
    "listed_addresses": (2, _form("list", "https://example.org/x.zip\n" * 3)),
    "image_layers": (2, _image_layers),
    "report_seconds": (1, _report),
    "report_memory": (10_000_000, _report),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_it_is_reached_and_named_with_its_value(name: str, place: Place) -> None:
    assert name in CASES, f"add a case that reaches the limit {name}"
    lowered, case = CASES[name]
    # So that no other limit is met before.
    limits = Limits(download_seconds=30, connect_seconds=20, idle_seconds=20)
    limits = replace(limits, **({} if lowered is None else {name: lowered}))

    sentence = case(place, limits)

    if name == "file_seconds":
        # It stands where stock ScanCode says that it took too long, and so in its words.
        assert sentence.splitlines()[-1] == "ERROR: Processing interrupted: timeout after 1 seconds."
    else:
        assert stated(limits, name) in sentence


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_234, "1.2 kB"), (9_949, "9.9 kB"), (9_950, "10 kB"),
     (58_123, "58 kB"), (999_499, "999 kB"), (999_500, "1 MB"), (4_000_000_000, "4 GB"), (5e15, "5,000 TB")],
)  # fmt: skip
def test_sizes_have_the_unit_that_suits_them(count: float, text: str) -> None:
    assert size(count) == text


def test_every_limit_is_shown_by_name_where_visitors_look(app: Flask, client: FlaskClient) -> None:
    app.config["LIMITS"] = Limits(redirects=12_345)

    page = client.get("/what-can-be-scanned").text

    assert [field.name for field in fields(Limits) if field.name not in page] == []
    assert "12,345" in page


def test_a_list_of_cases_holds_no_limit_that_is_gone() -> None:
    assert set(CASES) == {field.name for field in fields(Limits)}
