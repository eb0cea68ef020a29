"""Whatever leads to a forbidden address, through the site: nothing ever connects to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import trees
from tests.servers import http
from tests.servers.http import HttpServer
from tests.servers.oci import MANIFEST, ImageServer, sha
from tests.servers.registries import as_json
from tests.servers.site import Site

#: The one address that the site may fetch from although it is not public. Servers that lead astray are here.
ALLOWED = "127.0.0.2"
KINDS = ("file", "git", "registry", "a registry's file", "image", "an image's layer", "an image's token")


@pytest.fixture(scope="module")
def canary() -> Iterator[HttpServer]:
    """What must not be reached; it would answer everything with an archive."""
    with HttpServer(fallback=http.content(trees.tar_gz(trees.PACKAGE))) as server:
        yield server


@pytest.fixture(scope="module")
def astray() -> Iterator[tuple[HttpServer, ImageServer]]:
    with HttpServer(address=ALLOWED) as server, ImageServer(address=ALLOWED) as images:
        yield server, images


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, astray: tuple[HttpServer, ImageServer]) -> Iterator[Site]:
    server, images = astray
    settings = {
        "FETCH_ALLOWED_NETWORKS": f"{ALLOWED}/32",
        "REGISTRY_NPM": server.url("/npm"),
        "REGISTRY_DOCKER": images.url(""),
        "RATE_SUBMIT": "1000 per minute",
    }
    with Site(tmp_path_factory.mktemp("gate") / "instance", **settings) as site:
        yield site


def _lead(servers: tuple[HttpServer, ImageServer], kind: str, number: int, target: str) -> str:
    """Have the servers lead to ``target``; return what is pasted."""
    server, images = servers
    name = f"demo{number}"
    away = http.redirect(f"{target}/x")
    match kind:
        case "file":
            server.routes[f"/{name}.zip"] = away
            return server.url(f"/{name}.zip")
        case "git":
            server.routes[f"/{name}.git/info/refs"] = away
            return server.url(f"/{name}.git")
        case "registry":
            server.routes[f"/npm/{name}/latest"] = away
            return f"pkg:npm/{name}"
        case "a registry's file":
            about = {"name": name, "version": "1.0.0", "dist": {"tarball": f"{target}/x.tgz"}}
            server.routes[f"/npm/{name}/latest"] = as_json(about)
            return f"pkg:npm/{name}"
        case "image":
            images.routes[f"/v2/library/{name}/manifests/latest"] = away
        case "an image's layer":
            config, layer = images.blob(f"library/{name}", b"{}"), {"digest": sha(b"layer"), "size": 5}
            images.manifest(f"library/{name}", "latest", {"mediaType": MANIFEST, "config": config, "layers": [layer]})
            images.routes[f"/v2/library/{name}/blobs/{layer['digest']}"] = away
        case "an image's token":
            challenge = {"WWW-Authenticate": f'Bearer realm="{target}/token",service="x"'}
            images.routes[f"/v2/library/{name}/manifests/latest"] = http.status(401, challenge)
    return f"docker://{name}"


def test_no_redirect_of_any_kind_of_source_reaches_a_forbidden_address(
    site: Site, astray: tuple[HttpServer, ImageServer], canary: HttpServer
) -> None:
    metadata = "http://169.254.169.254"
    cases = [(kind, target) for kind in KINDS for target in (canary.url(""), metadata)]

    pages = {case: site.submit(_lead(astray, case[0], number, case[1])) for number, case in enumerate(cases)}

    for (kind, target), page in pages.items():
        status = site.wait(page, seconds=300)
        assert status["state"] == "failed", kind
        assert target.split("/")[2].partition(":")[0] in status["error"], (kind, status["error"])
    assert canary.connections == 0


def test_what_is_allowed_is_fetched_by_the_same_site(site: Site, astray: tuple[HttpServer, ImageServer]) -> None:
    astray[0].routes["/good.tgz"] = http.content(trees.tar_gz({"good/a.c": "int x;\n"}))

    assert site.wait(site.submit(astray[0].url("/good.tgz")), seconds=300)["state"] == "done"


def test_a_forbidden_address_is_not_reached_when_it_is_pasted_itself(site: Site, canary: HttpServer) -> None:
    pasted = (canary.url("/x.zip"), canary.url("/x.git"), f"docker://127.0.0.1:{canary.port}/x")

    for page in [site.submit(text) for text in pasted]:
        assert site.wait(page, seconds=300)["state"] == "failed"
    assert canary.connections == 0
