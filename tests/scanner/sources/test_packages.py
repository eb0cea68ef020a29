"""Packages: the right file of the right version, verified, with what its registry states of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest

from scanner.errors import AddressRefused, FetchError, ScannerError
from scanner.sources import Access
from tests.scanner.sources.builders import content_of, fetch
from tests.servers import http as serve
from tests.servers import registries
from tests.servers.http import HttpServer
from tests.servers.registries import KINDS, Offer


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


@pytest.fixture
def offers(server: HttpServer) -> dict[str, Offer]:
    return registries.serve(server)


@pytest.fixture
def access(server: HttpServer) -> Access:
    return Access(registries=registries.registries(server))


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_the_newest_version_and_says_so(offers, access, tmp_path, kind):
    offer = offers[kind]

    source, path = fetch(offer.name, tmp_path, access=access)

    assert (source.kind, source.title, source.version) == ("package", offer.title, offer.version)
    assert source.filename == offer.filename
    assert source.declared_license == offer.license
    assert source.purl is not None
    assert source.purl.startswith(f"{offer.name}@{offer.version}")
    assert source.notes[0] == f"No version was asked for; the newest, {offer.version}, was taken."
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    if offer.body:
        assert path.read_bytes() == offer.body


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_the_version_that_is_asked_for(offers, access, tmp_path, kind):
    offer = offers[kind]

    source, path = fetch(f"{offer.name}@{offer.older}", tmp_path, access=access)

    assert source.version == offer.older
    assert path.read_bytes() != offer.body
    assert not any("No version was asked for" in note for note in source.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_that_is_not_there_is_named(offers, access, tmp_path, kind):
    name = offers[kind].name.replace("emo", "emolition")

    with pytest.raises(FetchError, match=r" has no (package|module) .*emolition") as caught:
        fetch(name, tmp_path, access=access)
    assert "spelling" in caught.value.advice
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"cran", "cpan"}))
def test_a_version_that_is_not_there_is_named(offers, access, tmp_path, kind):
    with pytest.raises(FetchError, match=r"has no (version|package|module|file) .*9\.9\.9"):
        fetch(f"{offers[kind].name}@9.9.9", tmp_path, access=access)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [None, [], {}, 7, "text", {"info": None, "urls": 3}, {"dist": [], "version": {}}])
@pytest.mark.parametrize("kind", KINDS)
def test_nonsense_becomes_a_sentence(server, access, offers, tmp_path, kind, answer):
    server.routes.clear()
    server.fallback = serve.content(json.dumps(answer).encode())

    with pytest.raises(ScannerError) as caught:
        fetch(offers[kind].name, tmp_path, access=access)
    assert str(caught.value).endswith(".")
    assert list(tmp_path.iterdir()) == []


def replace_files(server: HttpServer, route: serve.Route) -> None:
    """Serve something else in place of every package's file."""
    ends = (".gz", ".tgz", ".crate", ".gem", ".jar", ".nupkg", ".conda", ".zip")
    for path in list(server.routes):
        if path.endswith(ends) or "/file/" in path or "/dist/" in path:
            server.routes[path] = route


# The others state no digest that could be compared.
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"golang", "hackage", "cran"}))
def test_a_file_that_is_not_the_one_the_registry_describes_is_refused(server, access, offers, tmp_path, kind):
    replace_files(server, serve.content(b"something else"))

    with pytest.raises(FetchError, match="is not the file that its registry describes"):
        fetch(offers[kind].name, tmp_path, access=access)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_registry_that_points_inside_is_refused(server, access, offers, tmp_path, kind):
    replace_files(server, serve.redirect("http://10.0.0.1/x"))

    with pytest.raises(AddressRefused):
        fetch(offers[kind].name, tmp_path, access=access)
    assert list(tmp_path.iterdir()) == []


def test_a_name_cannot_leave_its_place_in_the_address(server, access, tmp_path):
    for text in ("pkg:pypi/..%2f..%2fadmin", "pkg:npm/%2e%2e/%2e%2e", "pkg:cargo/a%3fb%23c", "pkg:gem/a%0d%0ab"):
        with pytest.raises(ScannerError):
            fetch(text, tmp_path, access=access)

    assert all(request.path.count("/") >= 2 and "?b" not in request.path for request in server.requests)
    assert not any("/admin/" in request.path for request in server.requests)


def test_pypi_takes_exactly_the_file_whose_address_was_pasted(offers, access, tmp_path):
    source, path = fetch("pkg:pypi/demo@2.0?file_name=demo-2.0-py3-none-any.whl", tmp_path, access=access)

    assert path.read_bytes() == b"wheel"
    assert source.filename == "demo-2.0-py3-none-any.whl"


def test_maven_takes_the_jar_itself_where_there_are_no_sources_or_it_is_asked_for(offers, access, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    old, _ = fetch("pkg:maven/org.example/demo@1.0", tmp_path / "a", access=access)
    asked, _ = fetch("pkg:maven/org.example/demo@2.0?type=jar", tmp_path / "b", access=access)

    assert (old.filename, asked.filename) == ("demo-1.0.jar", "demo-2.0.jar")


def test_go_finds_the_module_of_a_package_inside_it(offers, access, tmp_path):
    source, _ = fetch("pkg:golang/example.org/Owner/demo/internal/deep@v1.0.0", tmp_path, access=access)

    assert source.purl == "pkg:golang/example.org/Owner/demo@v1.0.0"


def test_cpan_finds_the_release_of_a_module(offers, access, tmp_path):
    source, _ = fetch("cpanm Demo::Part", tmp_path, access=access)

    assert source.filename == "Demo-2.0.tar.gz"


def test_debian_packs_all_files_of_a_source_into_one(offers, access, tmp_path):
    source, path = fetch("pkg:deb/debian/libdemo1", tmp_path, access=access)

    assert sorted(content_of(path)) == ["demo-2.0-1/demo_2.0-1.dsc", "demo-2.0-1/demo_2.0-1.orig.tar.gz"]
    assert any("The source package demo" in note for note in source.notes)


def test_a_purl_may_name_its_own_file_and_digest(server, tmp_path):
    server.routes["/x.zip"] = serve.content(b"PK")
    digest = hashlib.sha256(b"PK").hexdigest()
    purl = f"pkg:generic/x@1?download_url={server.url('/x.zip')}&checksum=sha256:"

    source, _ = fetch(purl + digest, tmp_path)

    assert source.purl == purl + digest
    with pytest.raises(FetchError, match="sha256 digest differs"):
        fetch(purl + "0" * 64, tmp_path / "other")
