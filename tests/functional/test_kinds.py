"""Every kind of source, from the form to the report: what ScanCode says of the tree that was published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import trees
from tests.functional import kinds
from tests.functional.kinds import DEMO, KINDS, NO_TIME, Published, World
from tests.packages import differences, stock_reports
from tests.servers import http, registries
from tests.servers.git import GitServer
from tests.servers.http import HttpServer
from tests.servers.oci import ImageServer
from tests.servers.site import Site
from tests.servers.tls import Authority

#: What is sent through the page of other ways: files from the visitor's disk, or a text.
SENT = {
    "an upload": Published("", "demo-1.0", DEMO),
    "an upload of several files": Published("", "2 files", {}, 0),
    "a pasted text": Published("", "main.c", {"": DEMO["src/main.c"]}, NO_TIME),
}
LISTED = ("demo.zip", "git: a tag")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, str]]]:
    """The servers of all kinds, git's with TLS; and the settings with which a site finds them."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "authority").mkdir()
    authority = Authority(folder / "authority")
    commit = kinds.make_repositories(folder / "git")
    with (
        HttpServer() as files,
        GitServer(folder / "git", tls=authority.context("127.0.0.1")) as git,
        ImageServer(token="let-me-in") as images,
    ):
        # A browser sees a page where git sees a repository.
        git.routes["/web/demo"] = http.content(b"<!doctype html><title>demo</title>", type="text/html")
        kinds.push_image(images)
        offers = registries.serve(files)
        addresses = vars(replace(registries.registries(files), docker=images.url("")))
        settings = {f"REGISTRY_{name.upper()}": address for name, address in addresses.items()}
        settings |= {"FETCH_CERTIFICATES": str(authority.path), "FETCH_PLAIN_REGISTRIES": images.host}
        yield World(files, git, commit, images, offers), settings


@pytest.fixture(scope="module")
def published(world: tuple[World, dict[str, str]]) -> dict[str, Published]:
    """What is scanned, and where it is found."""
    several = {"1.c": DEMO["src/main.c"], "LICENSE": DEMO["LICENSE"]}
    sent = {
        **SENT,
        "an upload of several files": replace(SENT["an upload of several files"], root="upload", files=several),
    }
    return {**{name: make(world[0]) for name, make in KINDS.items()}, **sent}


@pytest.fixture(scope="module")
def stock(published: dict[str, Published], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the stock command says of each tree; most are the same one, which it is asked for once."""
    top = tmp_path_factory.mktemp("trees")
    folders: dict[str, Path] = {}
    for tree in published.values():
        if _identity(tree) not in folders:
            place = top / str(len(folders))
            place.mkdir()
            folders[_identity(tree)] = tree.write(place)
    found = dict(zip(folders, stock_reports(list(folders.values())), strict=True))
    return {name: found[_identity(tree)] for name, tree in published.items()}


def _identity(tree: Published) -> str:
    return repr((tree.root, sorted(tree.files.items()), tree.when, tree.dates))


@pytest.fixture(scope="module")
def site(world: tuple[World, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = {**world[1], "REUSE_REPORTS": "no", "RATE_SUBMIT": "1000 per minute"}
    with Site(tmp_path_factory.mktemp("kinds") / "instance", **settings) as site:
        yield site


@pytest.fixture(scope="module")
def pages(site: Site, published: dict[str, Published]) -> dict[str, str]:
    """The page of each scan: all are asked for at once."""
    with ThreadPoolExecutor(4) as threads:
        pasted = dict(zip(KINDS, threads.map(lambda name: site.submit(published[name].text), KINDS), strict=True))
    return {**pasted, **_send(site, published)}


def _send(site: Site, published: dict[str, Published]) -> dict[str, str]:
    form, upload, paste = "/other-ways", "/other-ways/upload", "/other-ways/paste"
    packed = trees.tar_gz({f"demo-1.0/{name}": content for name, content in DEMO.items()}, kinds.WHEN)
    several = published["an upload of several files"].files
    text = {"name": "main.c", "text": DEMO["src/main.c"].decode()}
    return {
        "an upload": site.send(form, upload, {}, [("upload-files", ("demo.tar.gz", packed))], "upload-"),
        "an upload of several files": site.send(
            form, upload, {}, [("upload-files", f) for f in several.items()], "upload-"
        ),
        "a pasted text": site.send(form, paste, text, prefix="paste-"),
    }


@pytest.mark.parametrize("name", [*KINDS, *SENT])
def test_the_report_is_what_the_stock_command_says_of_the_published_tree(
    name: str, site: Site, pages: dict[str, str], stock: dict[str, dict[str, Any]]
) -> None:
    status = site.wait(pages[name])

    assert (status["state"], status["error"]) == ("done", None)
    report = requests.get(f"{pages[name]}/report.json", timeout=30).json()
    assert [file["path"] for file in report["files"] if file["type"] == "file"]
    assert differences(stock[name], report) == []


@pytest.mark.parametrize("name", ["docker://demo:1.0", "oci://{host}/o/demo:1.0"])
def test_each_file_of_an_image_is_shown_with_its_layer(name: str, site: Site, pages: dict[str, str]) -> None:
    site.wait(pages[name], "done")

    about, upper, lower, listed = (
        requests.get(f"{pages[name]}/{rest}", timeout=30).text
        for rest in ("about", "file?path=demo-1.0/src/main.c", "file?path=demo-1.0/LICENSE", "files?layer=2")
    )

    layers = re.findall(r"Layer (\d) \((sha256:\w{12})\) brought (\d)", about)
    assert [(number, files) for number, _, files in layers] == [("1", "1"), ("2", "2")]
    assert "layer 2</a> <code>" + layers[1][1] in upper
    assert "layer 1</a> <code>" + layers[0][1] in lower
    assert "package.json" in listed
    assert "LICENSE" not in listed


def test_several_addresses_become_a_scan_each_and_one_page_for_them_all(
    site: Site, published: dict[str, Published], stock: dict[str, dict[str, Any]]
) -> None:
    texts = "\r\n".join(published[name].text for name in LISTED)

    together = site.send("/other-ways", "/other-ways/list", {"urls": texts}, prefix="list-")

    tokens = re.findall(r'href="/scans/([\w-]+)"', requests.get(together, timeout=30).text)
    scans = [f"{site.url}/scans/{token}" for token in dict.fromkeys(tokens)]
    assert len(scans) == len(LISTED)
    for name, page in zip(LISTED, scans, strict=True):
        assert site.wait(page)["state"] == "done"
        assert differences(stock[name], requests.get(f"{page}/report.json", timeout=30).json()) == []
