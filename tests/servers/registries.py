"""The registries of packages, as they answer for one package each, in the shape of their documented APIs.

``serve(server)`` adds the routes of all of them to an HTTP server and returns what each should be resolved to.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from scanner.registries import Registries
from tests.servers.http import HttpRequest, HttpServer, Route, content, redirect


@dataclass(frozen=True)
class Offer:
    """A package that is on offer, and what it should be found to be."""

    name: str  #: in a purl, without a version
    version: str  #: the newest
    filename: str
    body: bytes
    title: str
    license: str | None
    older: str = ""  #: another version that is there


def archive(name: str, note: str = "") -> bytes:
    """Return a small tar.gz with a licence, different for each note."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, text in {"LICENSE": "MIT License\n", "main.c": f"/* {name} {note} */\n"}.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


def as_json(value: Any) -> Route:
    return content(json.dumps(value).encode(), type="application/json")


def _sha(body: bytes, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, body).hexdigest()


def _b64(body: bytes, algorithm: str) -> str:
    return base64.b64encode(hashlib.new(algorithm, body).digest()).decode()


def registries(server: HttpServer) -> Registries:
    names = KINDS
    return Registries(**{name: server.url(f"/{name}") for name in names})


def pypi(server: HttpServer, base: str) -> Offer:
    body, old = archive("demo"), archive("demo", "old")

    def project(version: str, sdist: bytes) -> Route:
        wheel = {"filename": f"demo-{version}-py3-none-any.whl", "packagetype": "bdist_wheel"}
        source = {"filename": f"demo-{version}.tar.gz", "packagetype": "sdist"}
        urls = [{**file, "url": server.url(f"/files/{file['filename']}"), "yanked": False} for file in (wheel, source)]
        urls[0]["digests"], urls[1]["digests"] = {"sha256": _sha(b"wheel")}, {"sha256": _sha(sdist), "md5": ""}
        info = {"name": "demo", "version": version, "license": "", "license_expression": "BSD-3-Clause"}
        server.routes[f"/files/demo-{version}.tar.gz"] = content(sdist)
        server.routes[f"/files/demo-{version}-py3-none-any.whl"] = content(b"wheel")
        return as_json({"info": info, "urls": urls, "releases": {}, "last_serial": 1})

    server.routes[f"{base}/pypi/demo/json"] = server.routes[f"{base}/pypi/demo/2.0/json"] = project("2.0", body)
    server.routes[f"{base}/pypi/demo/1.0/json"] = project("1.0", old)
    return Offer("pkg:pypi/demo", "2.0", "demo-2.0.tar.gz", body, "PyPI demo 2.0", "BSD-3-Clause", "1.0")


def npm(server: HttpServer, base: str) -> Offer:
    for version, note in (("2.0.0", ""), ("1.0.0", "old")):
        body = archive("package", note)
        url = server.url(f"{base}/@scope/demo/-/demo-{version}.tgz")
        dist = {"tarball": url, "shasum": _sha(body, "sha1"), "integrity": f"sha512-{_b64(body, 'sha512')}"}
        about = {"name": "@scope/demo", "version": version, "license": "MIT", "dist": dist}
        server.routes[f"{base}/@scope/demo/-/demo-{version}.tgz"] = content(body)
        server.routes[f"{base}/@scope%2Fdemo/{version}"] = server.routes[f"{base}/@scope%2fdemo/{version}"] = as_json(
            about
        )
    server.routes[f"{base}/@scope%2Fdemo/latest"] = server.routes[f"{base}/@scope%2Fdemo/2.0.0"]
    name = "pkg:npm/%40scope/demo"
    return Offer(name, "2.0.0", "demo-2.0.0.tgz", archive("package"), "npm @scope/demo 2.0.0", "MIT", "1.0.0")


def cargo(server: HttpServer, base: str) -> Offer:
    crate = {"id": "demo", "max_version": "3.0.0-rc.1", "max_stable_version": "2.0.0", "newest_version": "3.0.0-rc.1"}
    server.routes[f"{base}/api/v1/crates/demo"] = as_json({"crate": crate, "versions": []})
    for version, note in (("2.0.0", ""), ("1.0.0", "old")):
        body = archive(f"demo-{version}", note)
        path = f"/api/v1/crates/demo/{version}/download"
        about = {"num": version, "dl_path": path, "checksum": _sha(body), "license": "MIT/Apache-2.0", "yanked": False}
        server.routes[f"{base}/api/v1/crates/demo/{version}"] = as_json({"version": about})
        server.routes[path] = redirect(f"/static/demo-{version}.crate")
        server.routes[f"/static/demo-{version}.crate"] = content(body)
    body = archive("demo-2.0.0")
    return Offer(
        "pkg:cargo/demo", "2.0.0", "demo-2.0.0.crate", body, "crates.io demo 2.0.0", "MIT OR Apache-2.0", "1.0.0"
    )


def gem(server: HttpServer, base: str) -> Offer:
    server.routes[f"{base}/api/v1/gems/demo.json"] = as_json({"name": "demo", "version": "2.0.0"})
    for version, note in (("2.0.0", ""), ("1.0.0", "old")):
        body = archive("demo", note)
        about = {"number": version, "platform": "ruby", "sha": _sha(body), "licenses": ["MIT", "Ruby"]}
        server.routes[f"{base}/api/v2/rubygems/demo/versions/{version}.json"] = as_json(about)
        server.routes[f"{base}/gems/demo-{version}.gem"] = content(body)
    return Offer(
        "pkg:gem/demo", "2.0.0", "demo-2.0.0.gem", archive("demo"), "RubyGems demo 2.0.0", "MIT OR Ruby", "1.0.0"
    )


def maven(server: HttpServer, base: str) -> Offer:
    base = f"{base}/org/example/demo"
    metadata = "<metadata><versioning><latest>3.0-rc</latest><release>2.0</release></versioning></metadata>"
    server.routes[f"{base}/maven-metadata.xml"] = content(metadata.encode())
    pom = "<project><licenses><license>\n <name>Apache-2.0</name></license></licenses></project>"
    for version, kind, note in (("2.0", "-sources.jar", ""), ("2.0", ".jar", "binary"), ("1.0", ".jar", "old")):
        body = archive("demo", note)
        server.routes[f"{base}/{version}/demo-{version}{kind}"] = content(body)
        server.routes[f"{base}/{version}/demo-{version}{kind}.sha1"] = content(_sha(body, "sha1").encode() + b"\n")
        server.routes[f"{base}/{version}/demo-{version}.pom"] = content(pom.encode())
    name, title = "pkg:maven/org.example/demo", "Maven Central org.example:demo 2.0"
    return Offer(name, "2.0", "demo-2.0-sources.jar", archive("demo"), title, "Apache-2.0", "1.0")


def nuget(server: HttpServer, base: str) -> Offer:
    resources = [
        {"@id": server.url(f"{base}/flat/"), "@type": "PackageBaseAddress/3.0.0"},
        {"@id": server.url(f"{base}/registration/"), "@type": "RegistrationsBaseUrl/3.6.0"},
    ]
    server.routes[f"{base}/v3/index.json"] = as_json({"version": "3.0.0", "resources": resources})
    server.routes[f"{base}/flat/demo.json/index.json"] = as_json({"versions": ["1.0.0", "2.0.0", "3.0.0-beta1"]})
    for version, note in (("2.0.0", ""), ("1.0.0", "old")):
        body = archive("demo", note)
        url = server.url(f"{base}/flat/demo.json/{version}/demo.json.{version}.nupkg")
        leaf = {"catalogEntry": server.url(f"{base}/catalog/{version}.json"), "packageContent": url}
        entry = {"id": "Demo.Json", "licenseExpression": "MIT", "packageHash": _b64(body, "sha512")}
        server.routes[f"{base}/registration/demo.json/{version}.json"] = as_json(leaf)
        server.routes[f"{base}/catalog/{version}.json"] = as_json({**entry, "packageHashAlgorithm": "SHA512"})
        server.routes[f"{base}/flat/demo.json/{version}/demo.json.{version}.nupkg"] = content(body)
    title = "NuGet Demo.Json 2.0.0"
    return Offer("pkg:nuget/Demo.Json", "2.0.0", "demo.json.2.0.0.nupkg", archive("demo"), title, "MIT", "1.0.0")


def composer(server: HttpServer, base: str) -> Offer:
    versions = []
    for version, note in (("v3.0.0-beta1", "beta"), ("v2.0.0", ""), ("1.0.0", "old")):
        body = archive("demo", note)
        dist = {"type": "zip", "url": server.url(f"/dist/{version}"), "shasum": _sha(body, "sha1")}
        server.routes[f"/dist/{version}"] = content(body)
        versions.append({"version": version, "dist": dist})
    # As the minifier leaves it: what does not change is stated once.
    versions[0]["license"] = ["MIT"]
    answer = {"packages": {"vendor/demo": versions}, "minified": "composer/2.0"}
    server.routes[f"{base}/p2/vendor/demo.json"] = as_json(answer)
    name, title = "pkg:composer/vendor/demo", "Packagist vendor/demo v2.0.0"
    return Offer(name, "v2.0.0", "demo-2.0.0.zip", archive("demo"), title, "MIT", "1.0.0")


def golang(server: HttpServer, base: str) -> Offer:
    module = f"{base}/example.org/!owner/demo"
    server.routes[f"{module}/@latest"] = server.routes[f"{module}/@v/v2.0.0.info"] = as_json({"Version": "v2.0.0"})
    server.routes[f"{module}/@v/v1.0.0.info"] = as_json({"Version": "v1.0.0", "Time": "2026-01-01T00:00:00Z"})
    server.routes[f"{module}/@v/v2.0.0.zip"] = content(archive("demo"))
    server.routes[f"{module}/@v/v1.0.0.zip"] = content(archive("demo", "old"))
    name, title = "pkg:golang/example.org/Owner/demo", "The Go module proxy example.org/Owner/demo v2.0.0"
    return Offer(name, "v2.0.0", "demo-v2.0.0.zip", archive("demo"), title, None, "v1.0.0")


def hackage(server: HttpServer, base: str) -> Offer:
    server.routes[f"{base}/package/demo/preferred"] = as_json({"normal-version": ["2.0", "1.0"]})
    for version, note in (("2.0", ""), ("1.0", "old")):
        folder = f"{base}/package/demo-{version}"
        server.routes[f"{folder}/demo.cabal"] = content(b"name: demo\r\nLicense:   BSD-3-Clause\r\nauthor: x\r\n")
        server.routes[f"{folder}/demo-{version}.tar.gz"] = content(archive("demo", note))
    return Offer(
        "pkg:hackage/demo", "2.0", "demo-2.0.tar.gz", archive("demo"), "Hackage demo 2.0", "BSD-3-Clause", "1.0"
    )


def cran(server: HttpServer, base: str) -> Offer:
    about = b"Package: demo\nVersion: 2.0\nTitle: A\n long title\nLicense: MIT + file\n        LICENSE\n"
    server.routes[f"{base}/web/packages/demo/DESCRIPTION"] = content(about, type="text/plain")
    server.routes[f"{base}/src/contrib/demo_2.0.tar.gz"] = content(archive("demo"))
    server.routes[f"{base}/src/contrib/Archive/demo/demo_1.0.tar.gz"] = content(archive("demo", "old"))
    return Offer(
        "pkg:cran/demo", "2.0", "demo_2.0.tar.gz", archive("demo"), "CRAN demo 2.0", "MIT + file LICENSE", "1.0"
    )


def cpan(server: HttpServer, base: str) -> Offer:
    releases = {}
    for version, note in (("2.0", ""), ("1.0", "old")):
        body = archive("demo", note)
        server.routes[f"/authors/Demo-{version}.tar.gz"] = content(body)
        releases[version] = {
            "version": version,
            "license": ["perl_5"],
            "download_url": server.url(f"/authors/Demo-{version}.tar.gz"),
            "checksum_sha256": _sha(body),
            "archive": f"Demo-{version}.tar.gz",
        }
    server.routes[f"{base}/v1/release/Demo"] = as_json(releases["2.0"])
    server.routes[f"{base}/v1/release/AUTHOR/Demo-1.0"] = as_json({"release": releases["1.0"]})

    def search(request: HttpRequest) -> Iterable[bytes | float]:
        asked = unquote(request.path)
        found = [{"_source": release} for version, release in releases.items() if f'version:"{version}"' in asked]
        return as_json({"hits": {"hits": found}})(request)

    server.routes[f"{base}/v1/release/_search"] = search
    server.routes[f"{base}/v1/download_url/Demo::Part"] = as_json(releases["2.0"])
    return Offer("pkg:cpan/Demo", "2.0", "Demo-2.0.tar.gz", archive("demo"), "CPAN Demo 2.0", "perl_5", "1.0")


def deb(server: HttpServer, base: str) -> Offer:
    server.routes[f"{base}/mr/package/demo/"] = as_json({"result": [{"version": "2.0-1"}, {"version": "1.0-1"}]})
    server.routes[f"{base}/mr/binary/libdemo1/"] = as_json({"result": [{"source": "demo", "version": "2.0-1"}]})
    for version, note in (("2.0-1", ""), ("1.0-1", "old")):
        files = {f"demo_{version}.dsc": b"dsc" + note.encode(), f"demo_{version}.orig.tar.gz": archive("demo", note)}
        digests = {_sha(body, "sha1"): (name, body) for name, body in files.items()}
        information = {digest: [{"name": name, "size": len(body)}] for digest, (name, body) in digests.items()}
        answer = {"result": [{"hash": digest} for digest in digests], "fileinfo": information}
        server.routes[f"{base}/mr/package/demo/{version}/srcfiles"] = as_json(answer)
        for digest, (_, body) in digests.items():
            server.routes[f"{base}/file/{digest}"] = content(body)
    return Offer("pkg:deb/debian/demo", "2.0-1", "demo-2.0-1.tar", b"", "Debian demo 2.0-1", None, "1.0-1")


def conda(server: HttpServer, base: str) -> Offer:
    server.routes[f"{base}/package/conda-forge/demo"] = as_json({"latest_version": "2.0", "license": "MIT"})
    files = []
    for version, subdir, number, note in (
        ("2.0", "linux-64", 0, "b0"),
        ("2.0", "linux-64", 1, ""),
        ("2.0", "win-64", 1, "w"),
        ("1.0", "noarch", 0, "old"),
    ):
        body, name = archive("demo", note), f"{subdir}/demo-{version}-h{note or 'new'}_{number}.conda"
        attributes = {"subdir": subdir, "build": f"h{note}_{number}", "build_number": number, "license": "MIT"}
        # The API leaves the scheme out.
        url = server.url(f"/conda-files/{name}").partition(":")[2]
        files.append(
            {"version": version, "basename": name, "attrs": attributes, "download_url": url, "sha256": _sha(body)}
        )
        server.routes[f"/conda-files/{name}"] = content(body)
    server.routes[f"{base}/package/conda-forge/demo/files"] = as_json(files)
    return Offer(
        "pkg:conda/demo", "2.0", "demo-2.0-hnew_1.conda", archive("demo"), "conda-forge demo 2.0", "MIT", "1.0"
    )


KINDS: dict[str, Callable[[HttpServer, str], Offer]] = {
    maker.__name__: maker
    for maker in (pypi, npm, cargo, gem, maven, nuget, composer, golang, hackage, cran, cpan, deb, conda)
}


def serve(server: HttpServer) -> dict[str, Offer]:
    return {name: maker(server, f"/{name}") for name, maker in KINDS.items()}
