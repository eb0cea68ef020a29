"""Container images: layers put on top of each other as a container would see them, and nothing but files."""

from __future__ import annotations

import bz2
import gzip
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from scanner.addresses import Gate
from scanner.errors import AddressRefused, ArchiveError, FetchError, LimitExceeded, ScannerError
from scanner.registries import Registries
from scanner.sources import Access
from tests.scanner.sources.builders import LIMITS, content_of, fetch
from tests.servers import http as serve
from tests.servers.oci import MANIFEST, ImageServer, layer

FILES = {"bin/": None, "bin/sh": b"shell", "usr/share/doc/COPYING": b"GPL"}


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with ImageServer(token="secret-token") as running:
        yield running


@pytest.fixture
def access(server: ImageServer) -> Access:
    return Access(registries=Registries(docker=server.url("")), plain_registries=(server.host,))


def files_of(tar: Path) -> dict[str, bytes]:
    return {name.partition("/")[2]: content for name, content in content_of(tar).items()}


def test_it_takes_an_image_by_its_tag(server, access, tmp_path):
    labels = {"org.opencontainers.image.licenses": "MIT"}
    pushed = server.push("owner/name", "1.0", [layer(FILES)], labels=labels)

    source, path = fetch(f"docker://{server.host}/owner/name:1.0", tmp_path, access=access)

    assert content_of(path) == {"name-1.0/bin/sh": b"shell", "name-1.0/usr/share/doc/COPYING": b"GPL"}
    assert (source.kind, source.filename, source.version) == ("image", "name-1.0.tar", "1.0")
    assert source.declared_license == "MIT"
    assert source.url == server.url(f"/v2/owner/name/manifests/{pushed['digest']}")
    assert source.purl.startswith(f"pkg:oci/name@{pushed['digest']}?repository_url=")


def test_it_takes_an_image_by_its_digest(server, access, tmp_path):
    digest = server.push("library/demo", "latest", [layer(FILES)])["digest"]

    source, _ = fetch(f"docker pull demo@{digest}", tmp_path, access=access)

    assert source.filename == f"demo-{digest[7:19]}.tar"


def test_it_chooses_the_usual_platform_and_says_so(server, access, tmp_path):
    made = {}
    for architecture in ("arm64", "amd64"):
        made[architecture] = server.push("library/demo", architecture, [layer({"arch": architecture.encode()})])
        made[architecture]["platform"] = {"os": "linux", "architecture": architecture}
    attestation = {**server.push("library/demo", "x", [layer({"x": b""})]), "platform": {"os": "unknown"}}
    server.push_index("library/demo", "latest", [attestation, made["arm64"], made["amd64"]])

    source, path = fetch("docker://demo", tmp_path, access=access)

    assert files_of(path) == {"arch": b"amd64"}
    assert "The image for linux/amd64 was taken." in source.notes


UPPER_AND_LOWER = [
    ("a file is replaced", {"a": b"2"}, {"a": b"2", "d/b": b"1", "d/e/c": b"1"}),
    ("a file is removed", {".wh.a": b""}, {"d/b": b"1", "d/e/c": b"1"}),
    ("a folder is removed", {".wh.d": b""}, {"a": b"1"}),
    ("a file in a folder is removed", {"d/.wh.b": b""}, {"a": b"1", "d/e/c": b"1"}),
    ("a folder is emptied", {"d/.wh..wh..opq": b"", "d/new": b"2"}, {"a": b"1", "d/new": b"2"}),
    ("a folder is made anew", {".wh.d": b"", "d/": None, "d/new": b"2"}, {"a": b"1", "d/new": b"2"}),
    ("a folder becomes a file", {"d": b"2"}, {"a": b"1", "d": b"2"}),
    ("a file becomes a folder", {"a/": None, "a/x": b"2"}, {"a/x": b"2", "d/b": b"1", "d/e/c": b"1"}),
    ("a file becomes a folder unsaid", {"a/x": b"2"}, {"a/x": b"2", "d/b": b"1", "d/e/c": b"1"}),
    ("a folder becomes a link", {"d": "elsewhere"}, {"a": b"1"}),
    ("a file becomes a link", {"a": "/etc/passwd"}, {"d/b": b"1", "d/e/c": b"1"}),
    ("a folder is touched", {"d/": None}, {"a": b"1", "d/b": b"1", "d/e/c": b"1"}),
    ("names begin with dots and slashes", {"./a": b"2", "/d/.wh.b": b""}, {"a": b"2", "d/e/c": b"1"}),
    ("a whiteout of nothing", {".wh.zzz": b""}, {"a": b"1", "d/b": b"1", "d/e/c": b"1"}),
    ("marks of aufs", {".wh..wh.plnk/1.2": b"", ".wh..wh.aufs": b""}, {"a": b"1", "d/b": b"1", "d/e/c": b"1"}),
]


@pytest.mark.parametrize(("upper", "seen"), [pytest.param(*case[1:], id=case[0]) for case in UPPER_AND_LOWER])
def test_an_upper_layer_covers_a_lower_one(server, access, tmp_path, upper, seen):
    lower = {"a": b"1", "d/": None, "d/b": b"1", "d/e/c": b"1"}
    server.push("library/demo", "latest", [layer(lower), layer(upper)])

    _, path = fetch("docker://demo", tmp_path, access=access)

    assert files_of(path) == seen


def test_each_file_keeps_the_number_of_its_layer(server, access, tmp_path):
    server.push("library/demo", "latest", [layer({"a": b"1", "b": b"1"}), layer({"b": b"2"}), layer({"c": b"3"})])

    source, path = fetch("docker://demo", tmp_path, access=access)

    with tarfile.open(path) as archive:
        assert {m.name: m.uname for m in archive} == {
            "demo-latest/a": "layer 1",
            "demo-latest/b": "layer 2",
            "demo-latest/c": "layer 3",
        }
    notes = [note for note in source.notes if note.startswith("Layer")]
    assert [note.partition(")")[2] for note in notes] == [
        f" brought 1 file, made by: RUN step {number}" for number in (1, 2, 3)
    ]


def test_links_and_devices_are_left_out_and_counted(server, access, tmp_path):
    server.push("library/demo", "latest", [layer({"a": b"1", "s": "/etc/shadow", "h": "hard:a"})])

    source, path = fetch("docker://demo", tmp_path, access=access)

    assert files_of(path) == {"a": b"1"}
    assert "2 links, devices and the like were left out." in source.notes


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["tar", "gzip", "bzip2"])
def test_layers_may_be_packed_in_several_ways(server, access, tmp_path, pack):
    server.push("library/demo", "latest", [layer({"a": b"1"})], pack=pack)

    assert files_of(fetch("docker://demo", tmp_path, access=access)[1]) == {"a": b"1"}


def test_the_same_image_gives_the_same_bytes(server, access, tmp_path):
    server.push("library/demo", "latest", [layer(FILES), layer({"x": b"1"})])

    first, path = fetch("docker://demo", tmp_path, access=access)
    path.unlink()
    second, _ = fetch("docker://demo", tmp_path, access=access)

    assert first.sha256 == second.sha256


def test_the_token_is_shown_to_the_registry_only(server, access, tmp_path):
    server.push("library/demo", "latest", [layer(FILES)])
    with serve.HttpServer() as store:
        for path, route in list(server.routes.items()):
            if "/blobs/" in path:
                store.routes[path] = lambda request, route=route: unguarded(server, route, request)
                server.routes[path] = serve.redirect(store.url(path), 307)

        fetch("docker://demo", tmp_path, access=access)

        assert store.requests
        assert not any("authorization" in request.headers for request in store.requests)


def unguarded(server: ImageServer, route: serve.Route, request: serve.HttpRequest):
    headers = {**request.headers, "authorization": f"Bearer {server.token}"}
    return route(replace(request, headers=headers))


def test_a_token_that_ends_on_the_way_is_asked_for_again(server, access, tmp_path):
    server.push("library/demo", "latest", [layer(FILES)])
    manifest = server.routes["/v2/library/demo/manifests/latest"]

    def then_renewed(request: serve.HttpRequest):
        allowed = request.headers.get("authorization") == f"Bearer {server.token}"
        yield from manifest(request)
        if allowed:
            server.token = "another-token"

    server.routes["/v2/library/demo/manifests/latest"] = then_renewed

    assert len(files_of(fetch("docker://demo", tmp_path, access=access)[1])) == 2
    assert server.paths().count("/token?service=test&scope=repository%3Alibrary%2Fdemo%3Apull") == 2


@pytest.mark.parametrize("bad", [{"../x": b""}, {"a/../../x": b""}, {"..": b""}])
def test_a_path_out_of_the_layer_is_refused(server, access, tmp_path, bad):
    server.push("library/demo", "latest", [layer(bad)])

    with pytest.raises(ArchiveError, match="would leave its folder"):
        fetch("docker://demo", tmp_path, access=access)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [b"not an archive", gzip.compress(b"no tar" * 1000), gzip.compress(layer(FILES))[:-30]],
    # Not their bytes, which hold the time: all who share the tests must name them alike.
    ids=["text", "no tar", "cut off"],
)
def test_a_layer_that_is_none_gets_a_sentence(server, access, tmp_path, body):
    server.push("library/demo", "latest", [body], pack=bytes)

    with pytest.raises(ScannerError) as caught:
        fetch("docker://demo", tmp_path, access=access)
    assert str(caught.value).endswith(".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "value"), [("unpacked_bytes", 1_000_000), ("unpacked_files", 3), ("download_bytes", 1_000)]
)
def test_the_limits_hold_for_all_layers_together(server, access, tmp_path, limit, value):
    layers = [layer({f"{n}/a": bytes(400_000), f"{n}/b": b""}) for n in range(4)]
    server.push("library/demo", "latest", layers)

    with pytest.raises(LimitExceeded):
        fetch("docker://demo", tmp_path, access=access, limits=replace(LIMITS, **{limit: value}))
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_is_not_what_its_digest_says_is_refused(server, access, tmp_path):
    server.push("library/demo", "latest", [layer(FILES)])
    for path in list(server.routes):
        if "/blobs/" in path:
            body = b"".join(part for part in unguarded(server, server.routes[path], request_for(path)))
            if b"history" not in body:
                server.routes[path] = serve.content(gzip.compress(layer({"evil": b""})))

    with pytest.raises(FetchError, match="digest differs"):
        fetch("docker://demo", tmp_path, access=access)


def request_for(path: str) -> serve.HttpRequest:
    return serve.HttpRequest("GET", path, {})


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(server, access, tmp_path):
    digest = server.push("library/demo", "latest", [layer(FILES)])["digest"]
    server.push("library/demo", "other", [layer({"evil": b""})])
    server.routes[f"/v2/library/demo/manifests/{digest}"] = server.routes["/v2/library/demo/manifests/other"]

    with pytest.raises(FetchError, match="not what its digest says"):
        fetch(f"docker://demo@{digest}", tmp_path, access=access)


def test_an_image_that_is_not_there(server, access, tmp_path):
    with pytest.raises(FetchError, match="has no image library/nothing"):
        fetch("docker://nothing", tmp_path, access=access)


def test_an_image_that_wants_a_password(server, access, tmp_path):
    server.routes["/v2/library/demo/manifests/latest"] = serve.status(401, {"WWW-Authenticate": 'Basic realm="x"'})

    with pytest.raises(FetchError, match="asks for a user name and password"):
        fetch("docker://demo", tmp_path, access=access)


def test_an_image_that_stays_private(server, access, tmp_path):
    challenge = f'Bearer realm="{server.url("/token")}",service="x"'
    server.routes["/v2/library/demo/manifests/latest"] = serve.status(401, {"WWW-Authenticate": challenge})

    with pytest.raises(FetchError, match="or keeps it private"):
        fetch("docker://demo", tmp_path, access=access)


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"layers": 7, "config": {}},
        {"layers": [{"digest": "sha256:../../x"}], "config": {"digest": "sha256:" + "0" * 64}},
        {"layers": [{}], "config": {"digest": "md5:1"}},
        {"manifests": []},
        {"manifests": [{"digest": 7}]},
        {"fsLayers": [], "schemaVersion": 1},
        {"layers": [{"digest": "sha256:" + "0" * 64}] * 501, "config": {}},
    ],
)
def test_a_manifest_of_nonsense_becomes_a_sentence(server, access, tmp_path, manifest):
    server.manifest("library/demo", "latest", {"mediaType": MANIFEST, **manifest})

    with pytest.raises((FetchError, LimitExceeded)) as caught:
        fetch("docker://demo", tmp_path, access=access)
    assert str(caught.value).endswith(".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b"[]", b"7", b"", b"{", b"[" * 100_000])
def test_an_answer_that_is_no_manifest_becomes_a_sentence(server, access, tmp_path, body):
    server.routes["/v2/library/demo/manifests/latest"] = serve.content(body)

    with pytest.raises(FetchError):
        fetch("docker://demo", tmp_path, access=access)


@pytest.mark.parametrize("what", ["token", "blob", "manifest"])
def test_nothing_of_a_registry_reaches_a_forbidden_address(tmp_path, what):
    with serve.HttpServer() as canary, ImageServer(address="127.0.0.2", token="t" if what == "token" else "") as server:
        server.push("library/demo", "latest", [layer(FILES)])
        inside = serve.redirect(canary.url("/"))
        if what == "token":
            challenge = f'Bearer realm="{canary.url("/token")}",service="x"'
            server.routes["/v2/library/demo/manifests/latest"] = serve.status(401, {"WWW-Authenticate": challenge})
        for path in list(server.routes):
            if f"/{what}s/" in path:
                server.routes[path] = inside
        access = Access(registries=Registries(docker=server.url("")))

        with pytest.raises(AddressRefused):
            fetch("docker://demo", tmp_path, access=access, gate=Gate([ip_network("127.0.0.2/32")]))

        assert canary.connections == 0
