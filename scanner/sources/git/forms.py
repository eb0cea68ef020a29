"""How people write down a place in a git repository: the addresses of its hosts, and what package managers write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from scanner import urls
from scanner.errors import SourceRefused


@dataclass(frozen=True)
class Place:
    """A repository, and what of it is wanted."""

    site: str  #: for people: "GitHub repository"
    url: str  #: to fetch from
    name: str  #: for people: "pallets/flask"
    ref: str = ""  #: full name of a ref, such as refs/pull/1/head, or a commit
    kind: str = ""  #: of the ref, for people: "branch", "tag", "commit", …; empty: not known until the server is asked
    #: Names of a ref, and then of a folder or file: only the server knows where the first ends and the second begins.
    rest: tuple[str, ...] = ()
    path: str = ""
    item: str = ""  #: what the path is, where the address says it: "folder" or "file"


_Read = Callable[[str, list[str]], "Place | None"]
_REPOSITORY = re.compile(r".+\.git")
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_HASH = re.compile(r"[0-9a-f]{7,64}")

_SSH = re.compile(r"(?:(?:git\+)?ssh://)?(?:git|hg)@([A-Za-z0-9.\-]+)(?::\d+(?=/))?[:/](?!/)(.+)")
#: Options of "git clone" that are followed by a value.
_WITH_VALUE = (
    "-b",
    "--branch",
    "--depth",
    "-o",
    "--origin",
    "-c",
    "--config",
    "-j",
    "--jobs",
    "--filter",
    "--reference",
)
_SHORTHANDS = {"github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org", "gist": "gist.github.com"}
_SHORTHAND = re.compile(r"(github|gitlab|bitbucket|gist):([A-Za-z0-9_.\-~]+(?:/[A-Za-z0-9_.\-]+)*)(?:#(.+))?")


def read(text: str) -> Place | None:
    """Return the place that a text names, None if it is none of git's. Raises SourceRefused."""
    words = text.removeprefix("$").split()
    if words[:2] == ["git", "clone"]:
        return _of_clone(words[2:])
    shorthand = _SHORTHAND.fullmatch(text)
    if shorthand:
        path = shorthand[2].removesuffix(".git")
        return _with_ref(_by_site(f"https://{_SHORTHANDS[shorthand[1]]}/{path}"), shorthand[3] or "", "")
    ssh = _SSH.fullmatch(text)
    if ssh:
        # What people copy from the clone button; the same repository is there over https if it is public.
        text = f"git+https://{ssh[1]}/{ssh[2]}"
    elif text.startswith("git://"):
        text = "git+https://" + text.removeprefix("git://")
    if text.startswith(("git+https://", "git+http://")):
        return _of_package_manager(text.removeprefix("git+"))
    if re.match(r"git\+[a-z]+:", text):
        raise SourceRefused("Only git repositories at http and https addresses can be scanned.")
    parts = urls.web_parts(text)
    if parts is None:
        return None
    if parts.path.endswith(".git") or re.search(r"\.git[@#]", text):
        return _of_package_manager(text if "://" in text else f"https://{text}")
    return _by_site(parts.geturl()) or _by_form(parts)


def _of_clone(words: list[str]) -> Place | None:
    """Read what follows "git clone": options, an address, perhaps a folder."""
    branch = ""
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if not word.startswith("-"):
            url = word if word.startswith(("git@", "ssh:", "git:")) else f"git+{word}"
            return read(url + (f"@{branch}" if branch else ""))
        if name in _WITH_VALUE and not value:
            value = next(rest, "")
        if name in ("-b", "--branch"):
            branch = value
    return None


def _of_package_manager(text: str) -> Place | None:
    """Read URL[@ref][#ref or #subdirectory=…&egg=…], as pip and npm write it."""
    plain, _, fragment = text.partition("#")
    scheme, _, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    path, _, ref = path.rpartition("@") if "@" in path else (path, "", "")
    url = urls.canonical(f"{scheme}://{host}{slash}{path}")
    if "=" in fragment:
        values = parse_qs(fragment)
        folder = values.get("subdirectory", [""])[0]
    else:
        folder, ref = "", ref or unquote(fragment).removeprefix("semver:")
    place = _by_site(url.partition("#")[0].removesuffix("/").removesuffix(".git"))
    if place is None or place.ref or place.rest:
        parts = urlsplit(url)
        name = parts.path.strip("/").removesuffix(".git")
        place = Place("Git repository", url.partition("#")[0], f"{parts.hostname}/{name}")
    return _with_ref(place, ref, folder)


def _with_ref(place: Place | None, ref: str, folder: str) -> Place | None:
    if place is None:
        return None
    path = clean_path(folder.split("/"))
    return Place(place.site, place.url, place.name, ref, "commit" if _SHORT_HASH.fullmatch(ref) else "", (), path)


def _by_site(url: str) -> Place | None:
    """Return the place that an address of a site that hosts repositories shows, None if it is another address."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    names = urls.path_names(parts)
    base = f"{parts.scheme}://{parts.netloc.removeprefix('www.')}"
    read = _SITES.get(host)
    if read is not None:
        return read(base, names)
    return None


def _by_form(parts: SplitResult) -> Place | None:
    """Return the place of an address that looks like those of software that runs on many hosts, None if it does not."""
    names = urls.path_names(parts)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    base = f"{parts.scheme}://{parts.netloc}"
    if "-" in names[2:]:
        return _gitlab(base, names)
    if len(names) > 3 and names[2] in ("src", "raw") and names[3] in ("branch", "tag", "commit"):
        return _forgejo(base, names)
    if "_git" in names[:-1]:
        return _azure(base, names, query)
    if "+" in names[1:]:
        return _gitiles(base, names)
    if any(_REPOSITORY.fullmatch(name) for name in names[:-1]):
        return _cgit(base, names, query)
    return None


def _cgit(base: str, names: list[str], query: dict[str, str]) -> Place:
    """Read …/name.git/tree/path?h=ref, as kernel.org has it."""
    end = next(number for number, name in enumerate(names, start=1) if _REPOSITORY.fullmatch(name))
    name, what = "/".join(names[:end]), names[end]
    place = Place("Git repository", f"{base}/{quote(name)}", name.removesuffix(".git"))
    path = names[end + 1 :] if what in ("tree", "plain", "blame") else []
    ref = query.get("id") or query.get("h") or ""
    if what == "tag" and "h" in query:
        ref = f"refs/tags/{query['h']}"
    kind = "commit" if _SHORT_HASH.fullmatch(ref) else "tag" if what == "tag" and ref else ""
    return _exactly(place, ref, kind, path)


def _gitiles(base: str, names: list[str]) -> Place:
    """Read …/name/+/refs/heads/main/path, as googlesource.com has it."""
    end = names.index("+", 1)
    name, rest = "/".join(names[:end]), names[end + 1 :]
    place = Place("Git repository", f"{base}/{quote(name)}", name)
    if rest[:1] == ["refs"] and len(rest) > 2:
        rest = rest[2:]
    return _at(place, rest) if rest else place


def _azure(base: str, names: list[str], query: dict[str, str]) -> Place:
    """Read …/project/_git/name?path=/src&version=GBmain: GB is a branch, GT a tag, GC a commit."""
    end = names.index("_git") + 2
    place = Place("Azure repository", f"{base}/{quote('/'.join(names[:end]))}", names[end - 1])
    version, path = query.get("version", ""), query.get("path", "").split("/")
    prefix, kind = {"GB": ("refs/heads/", "branch"), "GT": ("refs/tags/", "tag"), "GC": ("", "commit")}.get(
        version[:2], ("", "")
    )
    return _exactly(place, prefix + version[2:] if kind else "", kind, path)


def _github(base: str, names: list[str]) -> Place | None:
    if len(names) < 2 or names[0] in ("orgs", "topics", "marketplace", "settings", "features", "about", "sponsors"):
        return None
    owner, name, *rest = names
    name = name.removesuffix(".git")
    place = Place("GitHub repository", f"{base}/{owner}/{name}.git", f"{owner}/{name}")
    what, *more = rest or [""]
    if what in ("tree", "blob", "raw", "commits", "blame", "edit") and more:
        return _at(place, more, what)
    if what == "commit" and more:
        return _exactly(place, more[0], "commit")
    if what == "releases" and more[:1] == ["tag"] and len(more) > 1:
        return _exactly(place, "refs/tags/" + "/".join(more[1:]), "tag")
    if what in ("releases", "archive", "zipball", "tarball") and more and more[0] != "latest":
        return None  # a file
    if what == "pull" and more and more[0].isdigit():
        return _exactly(place, f"refs/pull/{more[0]}/head", f"pull request {more[0]}")
    return place


def _gist(base: str, names: list[str]) -> Place | None:
    if not names or "raw" in names:
        return None
    identity = names[1] if len(names) > 1 and not _SHORT_HASH.fullmatch(names[0]) else names[0]
    rest = names[names.index(identity) + 1 :]
    identity = identity.removesuffix(".git")
    place = Place("Gist", f"{base}/{identity}.git", identity)
    return _exactly(place, rest[0], "commit") if rest and _SHORT_HASH.fullmatch(rest[0]) else place


def _gitlab(base: str, names: list[str]) -> Place | None:
    end = names.index("-") if "-" in names else len(names)
    project, rest = names[:end], names[end + 1 :]
    if len(project) < 2 or project[0] in ("explore", "dashboard", "help", "api"):
        return None
    name = "/".join(project).removesuffix(".git")
    place = Place("GitLab repository", f"{base}/{name}.git", name)
    what, *more = rest or [""]
    if what in ("tree", "blob", "raw", "commits", "blame") and more:
        return _at(place, more, what)
    if what == "commit" and more:
        return _exactly(place, more[0], "commit")
    if what in ("tags", "releases") and more:
        return _exactly(place, "refs/tags/" + "/".join(more), "tag")
    if what == "merge_requests" and more and more[0].isdigit():
        return _exactly(place, f"refs/merge-requests/{more[0]}/head", f"merge request {more[0]}")
    return None if what in ("archive", "jobs", "package_files") and more else place


def _bitbucket(base: str, names: list[str]) -> Place | None:
    if len(names) < 2:
        return None
    owner, name, *rest = names
    name = name.removesuffix(".git")
    place = Place("Bitbucket repository", f"{base}/{owner}/{name}.git", f"{owner}/{name}")
    what, *more = rest or [""]
    if what in ("src", "raw") and more:
        return _at(place, more)
    if what == "commits" and more and _SHORT_HASH.fullmatch(more[0]):
        return _exactly(place, more[0], "commit")
    if what == "branch" and more:
        return _exactly(place, "refs/heads/" + "/".join(more), "branch")
    if what == "pull-requests" and more:
        advice = "Paste the address of the branch that the pull request comes from."
        raise SourceRefused("Bitbucket does not offer pull requests to git.", advice=advice)
    return None if what in ("get", "downloads") and more else place


def _forgejo(base: str, names: list[str]) -> Place | None:
    if len(names) < 2 or names[0] in ("explore", "user", "api"):
        return None
    owner, name, *rest = names
    name = name.removesuffix(".git")
    site = "Codeberg repository" if base.endswith("://codeberg.org") else "Git repository"
    place = Place(site, f"{base}/{owner}/{name}.git", f"{owner}/{name}")
    what, *more = rest or [""]
    if what in ("src", "raw", "commits", "media") and len(more) > 1 and more[0] in ("branch", "tag", "commit"):
        if more[0] == "commit":
            return _exactly(place, more[1], "commit", more[2:])
        return _at(place, more[1:])
    if what == "commit" and more:
        return _exactly(place, more[0], "commit")
    if what == "releases" and more[:1] == ["tag"] and len(more) > 1:
        return _exactly(place, "refs/tags/" + "/".join(more[1:]), "tag")
    if what == "pulls" and more and more[0].isdigit():
        return _exactly(place, f"refs/pull/{more[0]}/head", f"pull request {more[0]}")
    return None if what in ("archive", "releases", "attachments") and more else place


def _sourcehut(base: str, names: list[str]) -> Place | None:
    if len(names) < 2 or not names[0].startswith("~"):
        return None
    owner, name, *rest = names
    place = Place("sourcehut repository", f"{base}/{owner}/{name}", f"{owner}/{name}")
    what, *more = rest or [""]
    if what in ("tree", "blob", "log") and more:
        if "item" in more:
            at = more.index("item")
            return _at(place, [*more[:at], *more[at + 1 :]])
        return _at(place, more)
    if what == "commit" and more:
        return _exactly(place, more[0].removesuffix(".patch"), "commit")
    if what == "refs" and more and more[0] != "download":
        return _exactly(place, "refs/tags/" + "/".join(more), "tag")
    return None if what in ("archive", "refs") and more else place


_SITES: dict[str, _Read] = {
    "github.com": _github,
    "gist.github.com": _gist,
    "gitlab.com": _gitlab,
    "bitbucket.org": _bitbucket,
    "codeberg.org": _forgejo,
    "gitea.com": _forgejo,
    "git.sr.ht": _sourcehut,
}


def _at(place: Place, names: list[str], shown_as: str = "") -> Place:
    clean_path(names)
    item = {"tree": "folder", "blob": "file", "raw": "file", "blame": "file", "edit": "file"}.get(shown_as, "")
    if _HASH.fullmatch(names[0]):
        return replace(_exactly(place, names[0], "commit", names[1:]), item=item)
    return replace(place, rest=tuple(names), item=item)


def _exactly(place: Place, ref: str, kind: str, path: list[str] | None = None) -> Place:
    return replace(place, ref=ref, kind=kind, path=clean_path(path or []))


def clean_path(names: list[str]) -> str:
    """Return names joined to a path inside the repository; SourceRefused if they would leave it."""
    names = [name for name in names if name not in ("", ".")]
    if ".." in names or any("/" in name or "\0" in name for name in names):
        raise SourceRefused("The folder in this address would leave the repository.")
    return "/".join(names)
