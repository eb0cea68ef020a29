"""One of every kind of source that can be scanned, with the tree that was published: what its report must be about."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests import trees
from tests.scanner.archives import making
from tests.scanner.archives.making import WHEN, by_libarchive, tar_of
from tests.servers import http, oci, registries
from tests.servers.git import GitServer, Repository
from tests.servers.http import HttpServer
from tests.servers.oci import ImageServer
from tests.servers.registries import Offer

#: Dates in seconds: of a file that has none of its own, of the tests' commits and of the members of their layers.
NO_TIME = 315_532_800
COMMITTED = 1_767_323_045
LAYERED = 1_700_000_000

DEMO: dict[str, bytes] = {
    "LICENSE": trees.MIT.encode(),
    "package.json": trees.PACKAGE["hello/package.json"].encode(),
    "src/main.c": trees.PACKAGE["hello/lib/other.c"].encode(),
}


@dataclass(frozen=True)
class Published:
    """A tree as its author has it, and where it can be found."""

    text: str  #: what is pasted
    root: str
    files: Mapping[str, bytes]  #: by their paths in the root; "" where the root is itself a file
    when: int = WHEN  #: the date of all files, seconds since 1970
    dates: Mapping[str, int] = field(default_factory=dict)  #: where one differs

    def write(self, folder: Path) -> Path:
        """Write the tree and return its root."""
        root = folder / self.root
        for name, content in self.files.items():
            path = root / name if name else root
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            date = self.dates.get(name, self.when)
            os.utime(path, (date, date))
        return root


@dataclass(frozen=True)
class World:
    """The servers, and what is on them."""

    files: HttpServer
    git: GitServer
    commit: str  #: of the git server's repository, to ask for by its name
    images: ImageServer
    offers: dict[str, Offer]

    def put(self, name: str, body: bytes, fragment: str = "") -> str:
        """Serve a file and return its address."""
        self.files.routes[f"/{name}"] = http.content(body)
        return self.files.url(f"/{name}{fragment}")


KINDS: dict[str, Callable[[World], Published]] = {}


def kind(name: str) -> Callable[[Callable[[World], Published]], None]:
    """Add a kind to the table."""

    def add(make: Callable[[World], Published]) -> None:
        assert name not in KINDS, name
        KINDS[name] = make

    return add


def under(top: str, files: Mapping[str, bytes] = DEMO) -> dict[str, bytes]:
    return {f"{top}/{name}": content for name, content in files.items()}


# Files and archives by URL

_TOP = under("demo-1.0")

#: Name of the file, and how the tree with its one folder is packed into it.
_PACKED: dict[str, Callable[[], bytes]] = {
    "demo.tar.gz": lambda: gzip.compress(tar_of(_TOP), mtime=0),
    "demo.tar.xz": lambda: lzma.compress(tar_of(_TOP)),
    "demo.tar.zst": lambda: by_libarchive("ustar", _TOP, "zstd"),
    "demo.tar.lz": lambda: by_libarchive("ustar", _TOP, "lzip"),
    "demo.zip": lambda: making.zip_of(_TOP),
    "demo.7z": lambda: by_libarchive("7zip", _TOP),
    "demo.iso": lambda: by_libarchive("iso9660", _TOP),
    "demo.rpm": lambda: making.rpm(_TOP),
    "demo.crate": lambda: gzip.compress(tar_of(_TOP), mtime=0),
}
for _name, _pack in _PACKED.items():
    kind(_name)(lambda world, name=_name, pack=_pack: Published(world.put(name, pack()), "demo-1.0", DEMO))


@kind("a file")
def _file(world: World) -> Published:
    content = DEMO["src/main.c"]
    return Published(world.put("main.c", content), "main.c", {"": content}, NO_TIME)


@kind("a compressed file")
def _compressed(world: World) -> Published:
    content = DEMO["src/main.c"]
    return Published(world.put("main.c.gz", gzip.compress(content, mtime=0)), "main.c", {"main.c": content}, NO_TIME)


@kind("a file with its digest, as package indexes write it")
def _verified(world: World) -> Published:
    body = _PACKED["demo.tar.gz"]()
    text = world.put("demo-v.tar.gz", body, f"#sha256={hashlib.sha256(body).hexdigest()}")
    return Published(text, "demo-1.0", DEMO)


@kind("archives in archives")
def _nested(world: World) -> Published:
    inner = making.zip_of({"deep.c": DEMO["src/main.c"]})
    middle = gzip.compress(tar_of({"m/inner.zip": inner}), mtime=0)
    files = {
        "LICENSE": DEMO["LICENSE"],
        "middle.tgz": middle,
        "middle.tgz-extract/m/inner.zip": inner,
        "middle.tgz-extract/m/inner.zip-extract/deep.c": DEMO["src/main.c"],
    }
    packed = tar_of({f"nest/{name}": files[name] for name in ("LICENSE", "middle.tgz")})
    return Published(world.put("nest.tar", packed), "nest", files)


@kind("demo_1.0_all.deb")
def _deb(world: World) -> Published:
    control = {"control": b"Package: demo\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.org>\n"}
    data = {"usr/share/doc/demo/copyright": DEMO["LICENSE"]}
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": gzip.compress(tar_of(under(".", control)), mtime=0),
        "data.tar.xz": lzma.compress(tar_of(under(".", data))),
    }
    inside = {**under("control.tar.gz-extract", control), **under("data.tar.xz-extract", data)}
    return Published(world.put("demo_1.0_all.deb", making.ar(members)), "demo_1.0_all", {**members, **inside})


@kind("demo-1.0.gem")
def _gem(world: World) -> Published:
    data, about = (
        {"lib/demo.rb": b"# SPDX-License-Identifier: MIT\n"},
        b"--- !ruby/object:Gem::Specification\nname: demo\n",
    )
    members = {
        "data.tar.gz": gzip.compress(tar_of(data), mtime=0),
        "metadata.gz": gzip.compress(about, mtime=0),
    }
    inside = {**under("data.tar.gz-extract", data), "metadata.gz-extract/metadata": about}
    dates = {"metadata.gz-extract/metadata": NO_TIME}
    return Published(world.put("demo-1.0.gem", tar_of(members)), "demo-1.0", {**members, **inside}, dates=dates)


@kind("demo-1.0.apk")
def _apk(world: World) -> Published:
    """As Alpine's packages are made: a tar without its end for the metadata, another one behind it for the files."""
    about, files = {".PKGINFO": b"pkgname = demo\npkgver = 1.0\n"}, {"usr/share/demo/LICENSE": DEMO["LICENSE"]}
    parts = [making.tar(*(making.Member(n.encode(), d) for n, d in about.items()), end=False), tar_of(files)]
    packed = b"".join(gzip.compress(part, mtime=0) for part in parts)
    return Published(world.put("demo-1.0.apk", packed), "demo-1.0", {**about, **files})


_WHEEL = {
    "demo/__init__.py": b"# SPDX-License-Identifier: MIT\n",
    "demo-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nLicense: MIT\n",
}


@kind("a wheel")
def _wheel(world: World) -> Published:
    name = "demo-1.0-py3-none-any"
    return Published(world.put(f"{name}.whl", making.zip_of(_WHEEL)), name, _WHEEL)


@kind("demo.1.0.nupkg")
def _nupkg(world: World) -> Published:
    files = {
        "demo.nuspec": b"<package><metadata><id>demo</id><version>1.0</version></metadata></package>",
        "LICENSE": DEMO["LICENSE"],
    }
    return Published(world.put("demo.1.0.nupkg", making.zip_of(files)), "demo.1.0", files)


# Git: one repository, o/demo.git, with a branch, a tag, a merge request and a commit that nothing else leads to

#: What is written behind the server's address, the name of the root, and the part of the tree that is meant.
_GIT = {
    "a repository": ("/o/demo.git", "demo-main", ""),
    "a repository at its web address": ("/web/demo", "demo-main", ""),
    "a branch": ("/o/demo/-/tree/side", "demo-side", ""),
    "a branch with a slash in its name": ("/o/demo/src/branch/a/b", "demo-a-b", ""),
    "a tag": ("/o/demo/-/tags/v1.0", "demo-v1.0", ""),
    "a commit": ("/o/demo/-/commit/{commit}", "demo-{short}", ""),
    "a folder": ("/o/demo/-/tree/main/src", "demo-main", "src"),
    "a file of a repository": ("/o/demo/-/blob/main/src/main.c", "demo-main", "src/main.c"),
    "a merge request": ("/o/demo/-/merge_requests/7", "demo-merge-requests-7", ""),
    "a gist": ("/{gist}.git", "{gist}-main", ""),
    "git+https at a tag": ("git+{base}/o/demo.git@v1.0#subdirectory=src", "demo-v1.0", "src"),
}
_GIST = "aa5a315d61ae9438b18d"


def make_repositories(folder: Path) -> str:
    """Make the repositories that the git server serves; return the commit that is asked for by its name."""
    repository = Repository(folder / "o" / "demo.git")
    first = repository.commit(dict(DEMO))
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    for ref in ("refs/heads/side", "refs/heads/a/b", "refs/tags/v1.0", "refs/merge-requests/7/head"):
        repository.git("update-ref", ref, first)
    for name in ("web/demo", f"{_GIST}.git"):
        Repository(folder / name).commit(dict(DEMO))
    return first


def _git(world: World, form: str, root: str, part: str) -> Published:
    values = {"base": world.git.url(""), "commit": world.commit, "short": world.commit[:12], "gist": _GIST}
    text = ("{base}" if form.startswith("/") else "") + form
    files = {
        name: content for name, content in DEMO.items() if name == part or name.startswith(f"{part}/" if part else "")
    }
    return Published(text.format(**values), root.format(**values), files, COMMITTED)


for _name, _where in _GIT.items():
    kind(f"git: {_name}")(lambda world, where=_where: _git(world, *where))


# Packages, in every registry


def _offered(offer: Offer, text: str) -> Published:
    """Return the tree of what ``tests.servers.registries.archive`` packed."""
    top = {"npm": "package", "crates.io": "demo-2.0.0"}.get(offer.title.split()[0], "demo")
    files = {"LICENSE": b"MIT License\n", "main.c": f"/* {top}  */\n".encode()}
    return Published(text, top, files, when=0)


for _registry in registries.KINDS:
    if _registry != "deb":
        kind(f"purl: {_registry}")(
            lambda world, name=_registry: _offered(
                world.offers[name], f"{world.offers[name].name}@{world.offers[name].version}"
            )
        )
for _line, _registry in {
    "https://pypi.org/project/demo/": "pypi",
    "https://www.npmjs.com/package/@scope/demo": "npm",
}.items():
    kind(_line)(lambda world, name=_registry, line=_line: _offered(world.offers[name], line))


@kind("purl: deb")
def _debian(world: World) -> Published:
    packed = registries.archive("demo")
    inside = {"LICENSE": b"MIT License\n", "main.c": b"/* demo  */\n"}
    files = {
        "demo_2.0-1.dsc": b"dsc",
        "demo_2.0-1.orig.tar.gz": packed,
        **under("demo_2.0-1.orig.tar.gz-extract/demo", inside),
    }
    return Published("pkg:deb/debian/demo@2.0-1", "demo-2.0-1", files, when=0)


@kind("a purl that names its file and its digest")
def _generic(world: World) -> Published:
    body = _PACKED["demo.tar.gz"]()
    url = world.put("generic.tar.gz", body)
    digest = hashlib.sha256(body).hexdigest()
    return Published(f"pkg:generic/demo@1.0?download_url={url}&checksum=sha256:{digest}", "demo-1.0", DEMO)


# Images


def push_image(server: ImageServer) -> None:
    """Push an image of two layers: the upper one hides a file of the lower one and replaces another."""
    lower = {"LICENSE": DEMO["LICENSE"], "gone.c": b"int x;\n", "src/main.c": b"int old;\n"}
    upper = {".wh.gone.c": b"", "src/main.c": DEMO["src/main.c"], "package.json": DEMO["package.json"]}
    for name in ("library/demo", "o/demo"):
        server.push(name, "1.0", [oci.layer(dict(lower)), oci.layer(dict(upper))])


for _line in ("docker://demo:1.0", "oci://{host}/o/demo:1.0"):
    kind(_line)(lambda world, line=_line: Published(line.format(host=world.images.host), "demo-1.0", DEMO, LAYERED))
