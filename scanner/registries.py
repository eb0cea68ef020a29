"""Where packages and images are looked up, and on which hosts their pages are: all addresses of registries are here.

``Registries`` are the documented addresses of the public ones; a company's mirror takes the place of any of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Registries:
    """Base addresses, without a slash at the end."""

    pypi: str = "https://pypi.org"
    npm: str = "https://registry.npmjs.org"
    cargo: str = "https://crates.io"
    gem: str = "https://rubygems.org"
    maven: str = "https://repo1.maven.org/maven2"
    nuget: str = "https://api.nuget.org"
    composer: str = "https://repo.packagist.org"
    golang: str = "https://proxy.golang.org"
    hackage: str = "https://hackage.haskell.org"
    cran: str = "https://cran.r-project.org"
    cpan: str = "https://fastapi.metacpan.org"
    deb: str = "https://snapshot.debian.org"
    conda: str = "https://api.anaconda.org"
    docker: str = "https://registry-1.docker.io"

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, getattr(self, field.name).rstrip("/"))


#: Host of a page or a file, and the type of purl that its addresses speak of.
PAGES = {
    "pypi.org": "pypi",
    "pypi.python.org": "pypi",
    "files.pythonhosted.org": "pypi",
    "npmjs.com": "npm",
    "npmjs.org": "npm",
    "registry.npmjs.org": "npm",
    "registry.yarnpkg.com": "npm",
    "crates.io": "cargo",
    "static.crates.io": "cargo",
    "docs.rs": "cargo",
    "lib.rs": "cargo",
    "rubygems.org": "gem",
    "central.sonatype.com": "maven",
    "search.maven.org": "maven",
    "mvnrepository.com": "maven",
    "repo1.maven.org": "maven",
    "repo.maven.apache.org": "maven",
    "nuget.org": "nuget",
    "api.nuget.org": "nuget",
    "packagist.org": "composer",
    "pkg.go.dev": "golang",
    "proxy.golang.org": "golang",
    "hackage.haskell.org": "hackage",
    "cran.r-project.org": "cran",
    "cloud.r-project.org": "cran",
    "cran.rstudio.com": "cran",
    "metacpan.org": "cpan",
    "packages.debian.org": "deb",
    "sources.debian.org": "deb",
    "tracker.debian.org": "deb",
    "snapshot.debian.org": "deb",
    "anaconda.org": "conda",
    "prefix.dev": "conda",
}

#: Hosts of pages about container images, and the registry that holds them.
IMAGE_PAGES = {"hub.docker.com": "docker.io", "quay.io": "quay.io"}

#: Names by which people call the registry that is used where none is named.
DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
