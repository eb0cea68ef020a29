"""Go modules, by the module proxy protocol (go.dev/ref/mod#goproxy-protocol).

No digest is checked: the proxy states none, only the checksum database on another host does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from packageurl import PackageURL

from scanner.errors import HttpAnswered
from scanner.fetch import Client
from scanner.registries import Registries
from scanner.sources.packages import registry

SITE = "The Go module proxy"


def page(host: str, names: Sequence[str], _fragment: str) -> PackageURL | None:
    if host == "proxy.golang.org":
        if "@v" not in names[:-1]:
            return None
        at = list(names).index("@v")
        module = re.sub(r"!([a-z])", lambda match: match[1].upper(), "/".join(names[:at]))
        return _module(module, re.sub(r"\.(zip|info|mod)$", "", names[at + 1]))
    if not names or "." not in names[0]:
        # Pages of the standard library, which is no module of the proxy.
        return None
    module, _, version = "/".join(names).partition("@")
    return _module(module, version.partition("/")[0] or None)


def _module(path: str, version: str | None) -> PackageURL:
    namespace, _, name = path.rpartition("/")
    return PackageURL("golang", namespace or None, name, version)


def resolve(client: Client, purl: PackageURL, registries: Registries) -> registry.Resolved:
    path = f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name
    for module in _modules(path):
        base = f"{registries.golang}/{_escaped(module)}"
        version = purl.version if purl.version and purl.version != "latest" else None
        try:
            about = client.json(f"{base}/@v/{_escaped(version)}.info" if version else f"{base}/@latest")
        except HttpAnswered as error:
            if error.status not in (404, 410):
                raise
            continue
        found = registry.with_version(_module(module, None), about["Version"])
        name = f"{module.rpartition('/')[2]}-{about['Version']}.zip"
        return registry.Resolved(found, (registry.PackageFile(f"{base}/@v/{_escaped(about['Version'])}.zip", name),))
    raise registry.no_such(registry.described(purl).replace("package", "module"), SITE)


def _modules(path: str) -> Iterator[str]:
    """Yield the module paths that a package path may belong to, the longest first; few are deeper than six."""
    names = path.split("/")
    for end in range(len(names), max(1, len(names) - 6), -1):
        yield "/".join(names[:end])


def _escaped(text: str) -> str:
    """Escape capitals with "!", as the proxy wants it (golang.org/x/mod/module, EscapePath)."""
    return "/".join(
        registry.part(name) for name in re.sub(r"[A-Z]", lambda match: "!" + match[0].lower(), text).split("/")
    )
