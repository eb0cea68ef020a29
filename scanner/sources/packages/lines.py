"""Lines of package managers: what people copy from a page's install box, a shell or a lock file."""

from __future__ import annotations

import re

from packageurl import PackageURL

_VERSION = r"[0-9A-Za-z][0-9A-Za-z.+!_\-~:]*"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._\-]*"

#: Pattern with the groups "name" and, where it can be stated, "version" and "namespace"; and the type of purl.
_LINES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?:\$ +)?(?:sudo +)?{pattern}"), type_)
    for pattern, type_ in (
        (rf"(?P<name>{_NAME})(?:\[[\w, \-]*\])? *===? *(?P<version>{_VERSION})(?: *(?:[;\\#]| --).*)?", "pypi"),
        (
            rf"(?:python3? -m )?(?:uv |poetry )?(?:pipx?3?|uv|poetry|pdm) (?:install|add) +(?:-U +|--upgrade +)?"
            rf"(?P<name>{_NAME})(?:\[[\w, \-]*\])?(?:===?(?P<version>{_VERSION}))?",
            "pypi",
        ),
        (
            rf"(?:npm|pnpm|yarn|bun) (?:install|i|add) +(?:-[\w\-]+ +)*"
            rf"(?:(?P<namespace>@{_NAME})/)?(?P<name>{_NAME})(?:@(?P<version>{_VERSION}))?(?: +-[\w\-]+)*",
            "npm",
        ),
        (rf"npx (?:(?P<namespace>@{_NAME})/)?(?P<name>{_NAME})(?:@(?P<version>{_VERSION}))?", "npm"),
        (rf"cargo (?:add|install) +(?P<name>{_NAME})(?:@(?P<version>{_VERSION}))?", "cargo"),
        (rf"gem install +(?P<name>{_NAME})(?: +(?:-v|--version) +['\"]?(?P<version>{_VERSION})['\"]?)?", "gem"),
        (rf"composer require +(?P<namespace>{_NAME})/(?P<name>{_NAME})(?::(?P<version>{_VERSION}))?", "composer"),
        (
            rf"go (?:get|install) +(?P<name>{_NAME}\.[a-z]+(?:/[\w.~\-]+)+?)(?:/\.\.\.)?(?:@(?P<version>{_VERSION}))?",
            "golang",
        ),
        # Lines of package.json, composer.json, yarn.lock, pnpm-lock.yaml and a Gemfile.
        (rf"['\"]?(?:(?P<namespace>@{_NAME})/)?(?P<name>{_NAME})['\"]: ['\"](?P<version>(?=\d){_VERSION})['\"]", "npm"),
        (rf"['\"](?P<namespace>{_NAME})/(?P<name>{_NAME})['\"]: ['\"](?P<version>(?=v?\d){_VERSION})['\"]", "composer"),
        (
            rf"['\"]?/?(?:(?P<namespace>@{_NAME})/)?(?P<name>{_NAME})@(?:npm:)?(?P<version>\d[0-9A-Za-z.+\-]*)"
            r"(?:\(.*\))?['\"]?:?",
            "npm",
        ),
        (rf"gem ['\"](?P<name>{_NAME})['\"](?:, *['\"](?P<version>(?=\d){_VERSION})['\"])?", "gem"),
        # A line of go.mod or go.sum, of Gemfile.lock, and of a C# project file.
        (
            rf"(?P<name>{_NAME}\.[a-z]+(?:/[\w.~\-]+)+) (?P<version>v\d[\w.+\-]*)(?:/go\.mod)?(?: h1:\S+|// \w+)?",
            "golang",
        ),
        (rf"(?P<name>{_NAME}) \((?P<version>\d[\w.]*)\)", "gem"),
        (rf'<PackageReference Include="(?P<name>{_NAME})" Version="(?P<version>{_VERSION})" */?>', "nuget"),
        (rf"dotnet add package +(?P<name>{_NAME})(?: +(?:-v|--version) +(?P<version>{_VERSION}))?", "nuget"),
        (rf"(?:NuGet\\)?Install-Package +(?P<name>{_NAME})(?: +-Version +(?P<version>{_VERSION}))?", "nuget"),
        (
            rf"(?:conda|mamba|micromamba) install +(?:-c +conda-forge +)?(?:conda-forge::)?"
            rf"(?P<name>{_NAME})(?:=(?P<version>{_VERSION}))?",
            "conda",
        ),
        (r"install\.packages\(['\"](?P<name>[A-Za-z][A-Za-z0-9.]*)['\"]\)", "cran"),
        (rf"(?:cpanm?|cpan -i) +(?P<name>\w+(?:::\w+)*)(?:@(?P<version>{_VERSION}))?", "cpan"),
        (rf"cabal (?:install|get|unpack) +(?P<name>{_NAME}?)(?:-(?P<version>\d+(?:\.\d+)*))?", "hackage"),
        (
            r"(?:implementation|api|compile)?[ (]*['\"]?(?P<namespace>[a-z][\w\-]*(?:\.[\w\-]+)+):(?P<name>[\w.\-]+)"
            rf":(?P<version>{_VERSION})['\"]?\)?",
            "maven",
        ),
    )
)


#: The name of a package and, behind it, more versions than one: as ^4.0, ~> 7.0, >=2,<3 or 1.x say.
_RANGE = re.compile(
    rf"(?:gem +)?['\"]?(?P<name>@?{_NAME}(?:/{_NAME})?)(?:\[[\w, \-]*\])?['\"]?(?: *[@:,=(]+ *['\"]?| *)"
    r"(?:npm:)?(?P<range>(?:[\^~<>!]|>=|\d[\w.]*\.[x*]|\d+ *(?:\|\||- ))[^'\":;)#]*)['\"]?[:;)#]?.*"
)
_INSTALL = re.compile(r"(?:\$ +)?(?:sudo +)?(?:python3? -m )?[\w\-]+ (?:install|i|add|require) +(?:-[\w\-]+ +)*")


def range_in(text: str) -> tuple[str, str] | None:
    """Return the name of a package and the range of its versions that a line asks for, None if it asks for none."""
    match = _RANGE.fullmatch(_INSTALL.sub("", text, count=1)) if len(text) <= 500 and "://" not in text else None
    return (match["name"], match["range"].strip()) if match else None


def is_range(version: str) -> bool:
    """Tell whether this means more versions than one. Debian's versions may hold a "~", but do not begin with it."""
    return re.match(r"[\^~<>=!]", version) is not None or re.search(r"[*|,<>]|\.x\b|\s", version) is not None


def read(text: str) -> PackageURL | None:
    """Return what a line installs, None if it is no such line."""
    if len(text) > 500 or "://" in text:
        return None
    for pattern, type_ in _LINES:
        match = pattern.fullmatch(text)
        if match:
            return _purl(type_, {name: value for name, value in match.groupdict().items() if value})
    return None


def _purl(type_: str, found: dict[str, str]) -> PackageURL:
    name, namespace = found["name"], found.get("namespace")
    if type_ == "golang":
        namespace, _, name = name.rpartition("/")
    if type_ == "cpan":
        name = name.replace("::", "-")
    return PackageURL(type_, namespace, name, found.get("version"))
