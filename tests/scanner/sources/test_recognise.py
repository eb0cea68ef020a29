"""What people paste, and what it is understood to be. No network, and no exception that is not ours."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.errors import SourceRefused
from scanner.registries import PAGES
from scanner.sources import recognise

SHA = "ab8149664182b662453a563161aa89013c806dc9"
DIGEST = "sha256:244fd47e07d1004f0aed9c156aa09083c82bf8944eceb67c946ff7430510a77b"


def hosts() -> dict[str, str]:
    """Return the hosts of registries by type and number, in the order of the table that holds them: pypi0, pypi1, …"""
    numbered: dict[str, str] = {}
    for host, kind in PAGES.items():
        number = sum(name.rstrip("0123456789") == kind for name in numbered)
        numbered[f"{kind}{number}"] = host
    return numbered


HOSTS = hosts()

FILES = {
    "https://example.org/a-1.0.tar.gz": "File a-1.0.tar.gz at example.org",
    "HTTPS://EXAMPLE.ORG/A.zip": "File A.zip at example.org",
    "http://example.org:8080/x.zip?token=1#top": "File x.zip at example.org",
    "example.org/x.zip": "File x.zip at example.org",
    "//example.org/x.zip": "File x.zip at example.org",
    "localhost:8000/x.zip": "File x.zip at localhost",
    "example.org:8443/x.zip": "File x.zip at example.org",
    "  https://example.org/x.zip\n": "File x.zip at example.org",
    "https://example.org/": "What example.org answers with",
    "https://example.org": "What example.org answers with",
    "https://example.org/my file (1).zip": "File my file (1).zip at example.org",
    "https://example.org/100%.zip": "File 100%.zip at example.org",
    "https://bücher.example/x.zip": "File x.zip at xn--bcher-kva.example",
    "https://例え.テスト/x.zip": "File x.zip at xn--r8jz45g.xn--zckzah",
    "https://example.org./x.zip": "File x.zip at example.org",
    "https://[2606:4700::1111]/x.zip": "File x.zip at 2606:4700::1111",
    "http://1.1.1.1/x.zip": "File x.zip at 1.1.1.1",
    "http://①②⑦.⓪.⓪.①/x": "File x at 127.0.0.1",
    "https://example.org/x.zip#sha256=" + "a" * 64: "File x.zip at example.org",
    "https://github.com/o/r/releases/download/v1/r.tgz": "File r.tgz at github.com",
    "https://github.com/o/r/archive/refs/heads/main.zip": "File main.zip at github.com",
    "https://raw.githubusercontent.com/o/r/main/src/x.c": "File x.c at raw.githubusercontent.com",
    "https://codeload.github.com/o/r/tar.gz/refs/heads/main": "File main at codeload.github.com",
    "https://gitlab.com/o/r/-/archive/main/r-main.zip": "File r-main.zip at gitlab.com",
    "https://bitbucket.org/o/r/get/main.zip": "File main.zip at bitbucket.org",
    "https://codeberg.org/o/r/archive/main.tar.gz": "File main.tar.gz at codeberg.org",
    "https://git.sr.ht/~o/r/archive/1.0.tar.gz": "File 1.0.tar.gz at git.sr.ht",
    "https://gist.githubusercontent.com/o/1234567/raw/x.py": "File x.py at gist.githubusercontent.com",
    "pkg:generic/x@1?download_url=https://example.org/x-1.tgz": "Package x 1 at example.org",
}

GIT = {
    "https://github.com/pallets/flask": "GitHub repository pallets/flask, default branch",
    "https://github.com/pallets/flask/": "GitHub repository pallets/flask, default branch",
    "https://www.github.com/pallets/flask.git": "GitHub repository pallets/flask, default branch",
    "github.com/pallets/flask": "GitHub repository pallets/flask, default branch",
    "https://github.com/pallets/flask?tab=readme-ov-file#install": "GitHub repository pallets/flask, default branch",
    "https://github.com/pallets/flask/issues/12": "GitHub repository pallets/flask, default branch",
    "https://github.com/o/r/tree/main": "GitHub repository o/r at branch main",
    "https://github.com/o/r/tree/main/src": "GitHub repository o/r at branch main, folder src",
    "https://github.com/o/r/tree/feature/x/src": "GitHub repository o/r at feature/x/src (branch or tag, then folder)",
    "https://github.com/o/r/blob/main/src/a%20b.py": "GitHub repository o/r at branch main, file src/a b.py",
    "https://github.com/o/r/raw/main/x.c": "GitHub repository o/r at branch main, file x.c",
    f"https://github.com/o/r/blob/{SHA}/x.c": "GitHub repository o/r at commit ab8149664182, file x.c",
    f"https://github.com/o/r/commit/{SHA}": "GitHub repository o/r at commit ab8149664182",
    "https://github.com/o/r/releases/tag/v1.0": "GitHub repository o/r at tag v1.0",
    "https://github.com/o/r/releases/latest": "GitHub repository o/r, default branch",
    "https://github.com/o/r/pull/7": "GitHub repository o/r, pull request 7",
    "https://github.com/o/r/pull/7/files": "GitHub repository o/r, pull request 7",
    "https://gist.github.com/octocat/6cad326836d38bd3a7ae": "Gist 6cad326836d38bd3a7ae, default branch",
    "https://gist.github.com/6cad326836d38bd3a7ae.git": "Gist 6cad326836d38bd3a7ae, default branch",
    f"https://gist.github.com/o/6cad326836d38bd3a7ae/{SHA}": "Gist 6cad326836d38bd3a7ae at commit ab8149664182",
    "https://gitlab.com/group/sub/project": "GitLab repository group/sub/project, default branch",
    "https://gitlab.com/g/p/-/tree/main/lib?ref_type=heads": "GitLab repository g/p at branch main, folder lib",
    "https://gitlab.com/g/p/-/blob/main/x.rb": "GitLab repository g/p at branch main, file x.rb",
    "https://gitlab.com/g/p/-/tags/v1": "GitLab repository g/p at tag v1",
    f"https://gitlab.com/g/p/-/commit/{SHA}": "GitLab repository g/p at commit ab8149664182",
    "https://gitlab.com/g/p/-/merge_requests/3/diffs": "GitLab repository g/p, merge request 3",
    "https://gitlab.example.org/a/b/c/-/tree/main": "GitLab repository a/b/c at branch main",
    "https://bitbucket.org/o/r": "Bitbucket repository o/r, default branch",
    "https://bitbucket.org/o/r/src/main/lib/": "Bitbucket repository o/r at branch main, lib",
    f"https://bitbucket.org/o/r/commits/{SHA}": "Bitbucket repository o/r at commit ab8149664182",
    "https://bitbucket.org/o/r/branch/feature/x": "Bitbucket repository o/r at branch feature/x",
    "https://codeberg.org/o/r": "Codeberg repository o/r, default branch",
    "https://codeberg.org/o/r/src/branch/main/doc": "Codeberg repository o/r at branch main, doc",
    f"https://codeberg.org/o/r/src/commit/{SHA}/doc": "Codeberg repository o/r at commit ab8149664182, doc",
    "https://codeberg.org/o/r/pulls/4": "Codeberg repository o/r, pull request 4",
    "https://codeberg.org/o/r/releases/tag/v2": "Codeberg repository o/r at tag v2",
    "https://forge.example.org/o/r/src/branch/main": "Git repository o/r at branch main",
    "https://git.sr.ht/~o/r": "sourcehut repository ~o/r, default branch",
    "https://git.sr.ht/~o/r/tree/master/item/src/x.c": "sourcehut repository ~o/r at branch master, src/x.c",
    f"https://git.sr.ht/~o/r/commit/{SHA}": "sourcehut repository ~o/r at commit ab8149664182",
    "https://git.sr.ht/~o/r/refs/1.0": "sourcehut repository ~o/r at tag 1.0",
    "https://example.org/x/y.git": "Git repository example.org/x/y, default branch",
    "https://example.org/x/y.git@v1#subdirectory=a/b": "Git repository example.org/x/y at branch or tag v1, a/b",
    "git+https://example.org/x/y": "Git repository example.org/x/y, default branch",
    "git+https://github.com/o/r.git@v1#egg=r&subdirectory=lib": "GitHub repository o/r at branch or tag v1, lib",
    f"git+https://github.com/o/r@{SHA}": "GitHub repository o/r at commit ab8149664182",
    "git+https://github.com/o/r.git#v1": "GitHub repository o/r at branch or tag v1",
    "git+ssh://git@github.com/o/r.git": "GitHub repository o/r, default branch",
    "ssh://git@gitlab.com/g/s/p.git": "GitLab repository g/s/p, default branch",
    "git@github.com:o/r.git": "GitHub repository o/r, default branch",
    "git@example.org:o/r.git": "Git repository example.org/o/r, default branch",
    "git://github.com/o/r.git": "GitHub repository o/r, default branch",
    "github:o/r#v1": "GitHub repository o/r at branch or tag v1",
    "gitlab:o/r": "GitLab repository o/r, default branch",
    "bitbucket:o/r": "Bitbucket repository o/r, default branch",
    "gist:6cad326836d38bd3a7ae": "Gist 6cad326836d38bd3a7ae, default branch",
    "git clone https://github.com/o/r.git": "GitHub repository o/r, default branch",
    "git clone --depth 1 -b v1 https://github.com/o/r": "GitHub repository o/r at branch or tag v1",
    "https://git.kernel.org/pub/scm/git/git.git/tree/Documentation/x?h=v2.40.0": (
        "Git repository pub/scm/git/git at branch or tag v2.40.0, Documentation/x"
    ),
    f"https://git.example.org/x.git/commit/?id={SHA}": "Git repository x at commit ab8149664182",
    "https://git.example.org/x.git/tag/?h=v1": "Git repository x at tag v1",
    "https://git.example.org/x.git/log/": "Git repository x, default branch",
    "https://x.googlesource.com/a/b/+/refs/heads/main/src": "Git repository a/b at branch main, src",
    f"https://x.googlesource.com/a/b/+/{SHA}": "Git repository a/b at commit ab8149664182",
    "https://dev.azure.com/o/p/_git/r?path=/src&version=GBmain": "Azure repository r at branch main, src",
    "https://dev.azure.com/o/p/_git/r": "Azure repository r, default branch",
    "pkg:github/o/r@v1#src": "GitHub repository o/r at branch or tag v1, src",
    "pkg:bitbucket/o/r": "Bitbucket repository o/r, default branch",
    "pkg:generic/x?vcs_url=git%2Bhttps://example.org/x.git": "Git repository example.org/x, default branch",
}

PACKAGES = {
    "pkg:npm/express": "npm package express, newest version",
    "pkg:npm/express@latest": "npm package express, newest version",
    "pkg:npm/%40babel/core@7.0.0": "npm package @babel/core, version 7.0.0",
    "pkg:pypi/Flask@3.1.0": "PyPI package flask, version 3.1.0",
    "pkg:cargo/serde@1.0.0": "crates.io package serde, version 1.0.0",
    "pkg:gem/rails@7.0.4": "RubyGems package rails, version 7.0.4",
    "pkg:maven/org.example/demo@1.0": "Maven Central package org.example:demo, version 1.0",
    "pkg:nuget/Newtonsoft.Json@13.0.3": "NuGet package Newtonsoft.Json, version 13.0.3",
    "pkg:composer/monolog/monolog": "Packagist package monolog/monolog, newest version",
    "pkg:golang/github.com/gorilla/mux@v1.8.0": "Go module github.com/gorilla/mux, version v1.8.0",
    "pkg:hackage/aeson@2.2.1.0": "Hackage package aeson, version 2.2.1.0",
    "pkg:cran/dplyr": "CRAN package dplyr, newest version",
    "pkg:cpan/ETHER/Moose@2.2206": "CPAN package ETHER/Moose, version 2.2206",
    "pkg:deb/debian/curl@7.88.1-10?arch=source": "Debian package curl, version 7.88.1-10",
    "pkg:conda/numpy@2.0.0?channel=conda-forge": "conda-forge package numpy, version 2.0.0",
    "https://{pypi0}/project/flask/": "PyPI package flask, newest version",
    "https://{pypi0}/project/flask/3.1.0/#files": "PyPI package flask, version 3.1.0",
    "{pypi0}/project/flask": "PyPI package flask, newest version",
    "https://{pypi0}/pypi/flask/3.1.0/json": "PyPI package flask, version 3.1.0",
    "https://{pypi2}/packages/a/b/c/flask-3.1.0.tar.gz": "PyPI package flask, version 3.1.0",
    "https://{pypi2}/packages/a/b/c/Jinja2-3.1.4-py3-none-any.whl": "PyPI package jinja2, version 3.1.4",
    "https://www.{npm0}/package/express": "npm package express, newest version",
    "https://www.{npm0}/package/@babel/core/v/7.0.0": "npm package @babel/core, version 7.0.0",
    "https://{npm2}/express/-/express-4.21.2.tgz": "npm package express, version 4.21.2",
    "https://{npm2}/@babel/core/-/core-7.0.0.tgz": "npm package @babel/core, version 7.0.0",
    "https://{npm2}/@babel%2fcore": "npm package @babel/core, newest version",
    "https://{npm3}/express/-/express-4.21.2.tgz#abc": "npm package express, version 4.21.2",
    "https://{cargo0}/crates/serde": "crates.io package serde, newest version",
    "https://{cargo0}/crates/serde/1.0.0": "crates.io package serde, version 1.0.0",
    "https://{cargo0}/api/v1/crates/serde/1.0.0/download": "crates.io package serde, version 1.0.0",
    "https://{cargo1}/crates/serde/serde-1.0.0.crate": "crates.io package serde, version 1.0.0",
    "https://{cargo2}/serde/latest/serde/": "crates.io package serde, newest version",
    "https://{gem0}/gems/rails": "RubyGems package rails, newest version",
    "https://{gem0}/gems/rails/versions/7.0.4": "RubyGems package rails, version 7.0.4",
    "https://{gem0}/downloads/rails-7.0.4.gem": "RubyGems package rails, version 7.0.4",
    "https://{maven2}/artifact/org.example/demo/1.0": "Maven Central package org.example:demo, version 1.0",
    "https://{maven0}/artifact/org.example/demo": "Maven Central package org.example:demo, newest version",
    "https://{maven3}/maven2/org/example/demo/1.0/demo-1.0.jar": "Maven Central package org.example:demo, version 1.0",
    "https://{maven3}/maven2/org/example/demo/1.0/": "Maven Central package org.example:demo, version 1.0",
    "https://www.{nuget0}/packages/Newtonsoft.Json/13.0.3": "NuGet package Newtonsoft.Json, version 13.0.3",
    "https://www.{nuget0}/api/v2/package/A/1.0": "NuGet package A, version 1.0",
    "https://{nuget1}/v3-flatcontainer/a/1.0/a.1.0.nupkg": "NuGet package a, version 1.0",
    "https://{composer0}/packages/monolog/monolog#2.0.0": "Packagist package monolog/monolog, version 2.0.0",
    "https://{golang0}/github.com/gorilla/mux@v1.8.0": "Go module github.com/gorilla/mux, version v1.8.0",
    "https://{golang0}/github.com/gorilla/mux": "Go module github.com/gorilla/mux, newest version",
    "https://{golang1}/example.org/!burnt!sushi/x/@v/v1.0.0.zip": "Go module example.org/BurntSushi/x, version v1.0.0",
    "https://{hackage0}/package/aeson": "Hackage package aeson, newest version",
    "https://{hackage0}/package/aeson-2.2.1.0/docs/Data-Aeson.html": "Hackage package aeson, version 2.2.1.0",
    "https://{cran0}/package=dplyr": "CRAN package dplyr, newest version",
    "https://{cran0}/web/packages/dplyr/index.html": "CRAN package dplyr, newest version",
    "https://{cran0}/src/contrib/Archive/dplyr/dplyr_1.0.0.tar.gz": "CRAN package dplyr, version 1.0.0",
    "https://{cpan0}/dist/Moose": "CPAN package Moose, newest version",
    "https://{cpan0}/pod/Moose::Role": "CPAN package Moose-Role, newest version",
    "https://{cpan0}/release/ETHER/Moose-2.2206": "CPAN package ETHER/Moose, version 2.2206",
    "https://{deb0}/bookworm/libssl3": "Debian package libssl3, newest version",
    "https://{deb1}/src/curl/7.88.1-10/": "Debian package curl, version 7.88.1-10",
    "https://{deb2}/pkg/curl": "Debian package curl, newest version",
    "https://{conda0}/conda-forge/numpy": "conda-forge package numpy, newest version",
    "flask==3.1.0": "PyPI package flask, version 3.1.0",
    "requests[socks]==2.32.0 ; python_version > '3.8'": "PyPI package requests, version 2.32.0",
    "flask==3.1.0 --hash=sha256:5f873c5184c897c8d9d1b05df1e3d01b14910ce69607a117bd3277098a5836ac": (
        "PyPI package flask, version 3.1.0"
    ),
    "flask==3.1.0  # via -r requirements.in": "PyPI package flask, version 3.1.0",
    '"express": "4.21.2",': "npm package express, version 4.21.2",
    '"@babel/core": "7.26.0"': "npm package @babel/core, version 7.26.0",
    '"monolog/monolog": "2.0.0"': "Packagist package monolog/monolog, version 2.0.0",
    "express@4.21.2": "npm package express, version 4.21.2",
    "/express@4.21.2:": "npm package express, version 4.21.2",
    "'@babel/core@7.26.0':": "npm package @babel/core, version 7.26.0",
    "react-dom@18.3.1(react@18.3.1):": "npm package react-dom, version 18.3.1",
    '"express@npm:4.21.2":': "npm package express, version 4.21.2",
    'gem "rails", "7.0.4"': "RubyGems package rails, version 7.0.4",
    "gem 'rails'": "RubyGems package rails, newest version",
    "pkg:deb/debian/curl@7.88.1-10~deb12u1": "Debian package curl, version 7.88.1-10~deb12u1",
    "pip install flask": "PyPI package flask, newest version",
    "$ pip install flask==3.1.0": "PyPI package flask, version 3.1.0",
    "npm install --save express@4.21.2": "npm package express, version 4.21.2",
    "npm i @babel/core": "npm package @babel/core, newest version",
    "yarn add express": "npm package express, newest version",
    "cargo add serde@1.0.0": "crates.io package serde, version 1.0.0",
    "gem install rails -v 7.0.4": "RubyGems package rails, version 7.0.4",
    "composer require monolog/monolog:2.0.0": "Packagist package monolog/monolog, version 2.0.0",
    "go get github.com/gorilla/mux@v1.8.0": "Go module github.com/gorilla/mux, version v1.8.0",
    "github.com/gorilla/mux v1.8.0 h1:i40aqfkR1h2SlN9hojwV5ZA91wcXFOvkdNIeFDP5koI=": (
        "Go module github.com/gorilla/mux, version v1.8.0"
    ),
    "    rails (7.0.4)": "RubyGems package rails, version 7.0.4",
    '<PackageReference Include="A.B" Version="1.0.0" />': "NuGet package A.B, version 1.0.0",
    "dotnet add package Newtonsoft.Json --version 13.0.3": "NuGet package Newtonsoft.Json, version 13.0.3",
    "conda install -c conda-forge numpy": "conda-forge package numpy, newest version",
    "install.packages('dplyr')": "CRAN package dplyr, newest version",
    "cpanm Moose": "CPAN package Moose, newest version",
    "cabal get aeson-2.2.1.0": "Hackage package aeson, version 2.2.1.0",
    "implementation 'org.example:demo:1.0'": "Maven Central package org.example:demo, version 1.0",
    "org.example:demo:1.0": "Maven Central package org.example:demo, version 1.0",
    '"{npm2}/express/-/express-4.21.2.tgz",': "npm package express, version 4.21.2",
    'resolved "https://{npm3}/express/-/express-4.21.2.tgz#abc"': "npm package express, version 4.21.2",
}

IMAGES = {
    "docker://nginx": "Container image nginx, tag latest",
    "docker://nginx:1.27": "Container image nginx, tag 1.27",
    f"docker://nginx@{DIGEST}": "Container image nginx, digest sha256:244fd47e07d1…",
    "oci://ghcr.io/owner/name:v1": "Container image ghcr.io/owner/name, tag v1",
    "docker://docker.io/library/nginx": "Container image nginx, tag latest",
    "docker://localhost:5000/a/b": "Container image localhost:5000/a/b, tag latest",
    "docker pull nginx:1.27": "Container image nginx, tag 1.27",
    "sudo podman pull quay.io/a/b": "Container image quay.io/a/b, tag latest",
    "FROM --platform=linux/amd64 alpine": "Container image alpine, tag latest",
    "FROM python:3.12-slim AS build": "Container image python, tag 3.12-slim",
    "https://hub.docker.com/_/nginx": "Container image nginx, tag latest",
    "https://hub.docker.com/r/bitnami/redis/tags": "Container image bitnami/redis, tag latest",
    "https://quay.io/repository/coreos/etcd?tab=tags": "Container image quay.io/coreos/etcd, tag latest",
    "pkg:docker/nginx@1.27": "Container image nginx, tag 1.27",
    "pkg:docker/owner/name@1?repository_url=ghcr.io": "Container image ghcr.io/owner/name, tag 1",
    f"pkg:oci/name@{DIGEST}?repository_url=ghcr.io/owner/name": "Container image ghcr.io/owner/name, digest sha256:2",
}

REFUSED = {
    "": "Nothing was pasted",
    " \t\n": "Nothing was pasted",
    "express": "not a web address",
    "pkg:npm/express@^4.0.0": r"express \^4\.0\.0 may be one of many versions",
    "pkg:npm/express@4.x": r"express 4\.x may be one of many versions",
    "pkg:pypi/requests@>=2,<3": "requests >=2,<3 may be one of many versions",
    "requests>=2,<3": "requests >=2,<3 may be one of many versions",
    "requests >= 2.0 ; python_version > '3.8'": "requests >= 2.0 may be one of many versions",
    "flask~=3.0": "flask ~=3.0 may be one of many versions",
    "pip install requests>=2": "requests >=2 may be one of many versions",
    "npm install express@^4": r"express \^4 may be one of many versions",
    '"express": "^4.17.1",': r"express \^4\.17\.1 may be one of many versions",
    "express@^4.17.1:": r"express \^4\.17\.1 may be one of many versions",
    '"@babel/core@^7.0.0":': r"@babel/core \^7\.0\.0 may be one of many versions",
    "gem 'rails', '~> 7.0'": "rails ~> 7.0 may be one of many versions",
    "rails (~> 7.0)": "rails ~> 7.0 may be one of many versions",
    "hello world": "not a web address",
    "http://": "host name in this address is not valid",
    "http:///x": "host name in this address is not valid",
    "http:example.org": "two slashes",
    "http://exa mple.org/": "host name in this address is not valid",
    "http://example..org/": "host name in this address is not valid",
    "http://-example.org/": "host name in this address is not valid",
    "http://ex%61mple.org/": "host name in this address is not valid",
    "http://" + "a" * 64 + ".org/": "host name in this address is not valid",
    "http://[::1": "not a valid web address",
    "http://[fe80::1%25eth0]/": "one network interface",
    "http://example.org:22/": "Port 22",
    "http://example.org:25/": "Port 25",
    "http://example.org:6379/": "Port 6379",
    "http://example.org:6667/": "Port 6667",
    "http://example.org:0/": "Port 0",
    "http://example.org:65536/": "Port 65536",
    "http://example.org:port/": "not valid",
    "https://user:hunter2@example.org/x": "user name or password",
    "https://user@example.org/x": "user name or password",
    "user:hunter2@example.org/x.zip": "user name or password",
    "https://user:hunter2@github.com/o/r": "user name or password",
    "git+https://user:hunter2@example.org/x.git": "user name or password",
    "git clone https://user:hunter2@example.org/x.git": "user name or password",
    "docker://user:hunter2@example.org/x": "not the name of an image",
    "ftp://example.org/x": "begin with ftp:",
    "file:///etc/passwd": "begin with file:",
    "file:///srv/x.git": "begin with file:",
    "git+file:///srv/x.git": "http and https addresses",
    "git+ext::sh -c touch% /tmp/x": "http and https addresses",
    "ext::sh -c id": "begin with ext:",
    "gopher://example.org/": "begin with gopher:",
    "javascript:alert(1)": "begin with javascript:",
    "data:text/plain,x": "begin with data:",
    "mailto:a@example.org": "user name or password|begin with mailto:",
    "s3://bucket/x": "begin with s3:",
    "/etc/passwd": "path on a disk",
    "./x.zip": "path on a disk",
    "~/x.zip": "path on a disk",
    "C:\\x.zip": "path on a disk",
    "\\\\server\\share": "path on a disk|not a web address|invisible",
    "https://example.org/a\nb": "invisible",
    "https://example.org/a\x00b": "invisible",
    "https://example.org/\u202ecod.exe": "invisible",
    "https://a.example/x https://b.example/y": "several addresses",
    "https://example.org/" + "x" * 5_000: "longer than 4,000 characters",
    "https://github.com/o/r/tree/main/../../..": "would leave the repository",
    "https://github.com/o/r/blob/main/%2e%2e/x": "would leave the repository",
    "https://bitbucket.org/o/r/pull-requests/3": "does not offer pull requests",
    "pkg:": "not a valid purl",
    "pkg:npm": "not a valid purl",
    "pkg:nothing/x": "type nothing are not known",
    "pkg:maven/demo": "two parts",
    "pkg:deb/ubuntu/curl": "only those of Debian",
    "pkg:generic/x?download_url=file:///etc/passwd": "begin with file:",
    "pkg:generic/x?vcs_url=git%2Bfile:///srv/x.git": "type generic are not known",
    "docker://UPPER/case": "not the name of an image",
    "docker://": "not the name of an image",
    "docker://a/../b": "not the name of an image",
    "docker://example.org:22/a": "Port 22",
}


def cases(table: dict[str, str]) -> list[object]:
    """Return the table as parameters, with the hosts filled in."""
    filled = [(re.sub(r"\{(\w+\d)\}", lambda match: HOSTS[match[1]], text), said) for text, said in table.items()]
    return [pytest.param(text, said, id=text[:60].encode("unicode_escape").decode()) for text, said in filled]


def test_the_table_is_as_long_as_promised():
    assert len(FILES) + len(GIT) + len(PACKAGES) + len(IMAGES) + len(REFUSED) >= 200


@pytest.mark.parametrize(("text", "understood"), cases(FILES))
def test_it_is_a_file(text, understood):
    request = recognise(text)

    assert (request.kind, request.understood) == ("file", understood)
    assert request.asked == text.strip()


@pytest.mark.parametrize(("text", "understood"), cases(GIT))
def test_it_is_a_git_repository(text, understood):
    request = recognise(text)

    assert (request.kind, request.understood) == ("git", understood)
    assert request.place.url.startswith("https://")


@pytest.mark.parametrize(("text", "understood"), cases(PACKAGES))
def test_it_is_a_package(text, understood):
    request = recognise(text)

    assert (request.kind, request.understood) == ("package", understood)


@pytest.mark.parametrize(("text", "understood"), cases(IMAGES))
def test_it_is_an_image(text, understood):
    request = recognise(text)

    assert request.kind == "image"
    assert request.understood.startswith(understood)


@pytest.mark.parametrize(("text", "sentence"), cases(REFUSED))
def test_it_is_refused(text, sentence):
    with pytest.raises(SourceRefused, match=sentence) as caught:
        recognise(text)

    said = f"{caught.value} {caught.value.advice}"
    assert str(caught.value).endswith(".")
    assert caught.value.advice.endswith((".", "…"))
    assert "hunter2" not in said
    assert said.isprintable()


def test_an_address_on_a_web_page_is_taken_without_its_quotes():
    for text in ("<https://example.org/x.zip>", "`https://example.org/x.zip`", "'https://example.org/x.zip'"):
        assert recognise(text).url == "https://example.org/x.zip"


BROKEN = (
    "http:// https:// git+ pkg: docker:// npm/ github.com / // : @ # ? & = % %2e .. .git /tree/ /-/ [ ] ::1 127.0.0.1 "
    "\\ ä ① a sha256: @scope src releases main 0 99999 == subdirectory= xn-- ~ < > ' $"
)
PIECES = st.sampled_from([*BROKEN.split(), " ", "\n", "\0", "\ud800", "pip install ", "git clone ", *sorted(PAGES)])


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=14).map("".join)))
@example("https://[::1]:")
@example("http://xn--a/")
@example("//")
@example("pkg:pypi/%00")
def test_nothing_but_our_own_refusal_is_ever_raised(text):
    with contextlib.suppress(SourceRefused):
        assert recognise(text).understood
