"""A git repository on the web: one commit of it, whole or a folder or file, becomes one tar."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from scanner import urls
from scanner.errors import FetchError, SourceRefused
from scanner.fetch import Client, digest_of
from scanner.packing import jail
from scanner.results import Source
from scanner.sources.base import Access, Request, making_sense_of
from scanner.sources.git import forms, protocol
from scanner.sources.git.forms import Place

__all__ = ["GitRequest", "Place", "find", "place_of", "recognise", "request_for"]

#: Names that are hardly ever the first half of a longer one.
_USUAL_BRANCHES = ("main", "master", "trunk", "develop", "dev", "HEAD")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class GitRequest(Request):
    """A place in a git repository."""

    kind: ClassVar[str] = "git"

    place: Place
    purl: str | None = None

    def fetch(self, client: Client, folder: Path) -> tuple[Source, Path]:
        programs = _programs()
        with making_sense_of(client, "The git server"):
            remote = protocol.connect(client, self.place.url)
            found = _resolve(client, remote, self.place)
        with tempfile.TemporaryDirectory(prefix=".git-", dir=folder) as scratch:
            shallow = protocol.fetch_commit(client, remote, found.commit, Path(scratch) / "pack")
            name = self.place.name.rpartition("/")[2]
            top = urls.safe_name(f"{name}-{found.label}".replace("/", "-"), default="repository")
            request = {
                "programs": programs,
                "pack": "pack",
                "tar": "tar",
                "top": top,
                "path": found.path,
                "commit": found.commit,
                "shallow": shallow,
                "format": remote.object_format,
            }
            packed = jail.run("scanner.packing.git", request, Path(scratch), limits=client.limits, progress=client.tell)
            path = (Path(scratch) / "tar").rename(folder / f"{top}.tar")
        sha256, size = digest_of(path)
        title = f"{self.place.name} at {found.label}" + (f", {found.path}" if found.path else "")
        source = Source(
            kind=self.kind,
            asked=self.asked,
            title=title,
            filename=path.name,
            url=remote.url,
            version=found.label if found.is_tag else None,
            commit=found.commit,
            purl=self.purl,
            sha256=sha256,
            size=size,
            notes=(*found.notes, *_notes(packed)),
        )
        return source, path


def recognise(text: str, _access: Access) -> Request | None:
    place = forms.read(text)
    return request_for(text, place) if place else None


def find(client: Client, asked: str, url: str) -> GitRequest | None:
    """Ask whether there is a repository at an address that does not look like one; return the request for it."""
    plain = url.partition("?")[0].rstrip("/")
    parts = urlsplit(plain)
    try:
        protocol.connect(client, plain)
    except (FetchError, SourceRefused):
        return None
    name = parts.path.strip("/") or parts.netloc
    return request_for(asked, Place("Git repository", plain, unquote(name)))


def place_of(url: str, ref: str = "", folder: str = "") -> Place:
    """Return a repository at an address, at a ref, and a folder of it; SourceRefused if it is no such address."""
    place = forms.read(f"git+{url}" + (f"@{ref}" if ref else "") + (f"#subdirectory={quote(folder)}" if folder else ""))
    if place is None:
        raise SourceRefused("This is not the address of a git repository.", advice="Paste its https address.")
    return place


def request_for(text: str, place: Place, purl: str | None = None) -> GitRequest:
    """Return the request for a place, with the sentence that says it back; SourceRefused if it has no name."""
    if not place.name.rpartition("/")[2].strip("~ "):
        raise SourceRefused("This address names no repository.", advice="Paste the address of the repository's page.")
    return GitRequest(text, place.name, f"{place.site} {place.name}{_said(place)}", place, purl)


def _said(place: Place) -> str:
    """Say which commit of a repository is meant, and what of it."""
    path = place.path
    if place.rest and (len(place.rest) == 1 or place.rest[0] in _USUAL_BRANCHES):
        kind = "branch" if place.rest[0] in _USUAL_BRANCHES else "branch or tag"
        said, path = f" at {kind} {place.rest[0]}", "/".join(place.rest[1:])
    elif place.rest:
        return f" at {'/'.join(place.rest)} (branch or tag, then {place.item or 'path'})"
    elif place.ref.startswith(("refs/pull/", "refs/merge-requests/")):
        said = f", {place.kind}"
    elif place.ref:
        short = place.ref[:12] if _COMMIT.fullmatch(place.ref) else re.sub(r"^refs/(heads|tags)/", "", place.ref)
        said = f" at {place.kind or 'branch or tag'} {short}"
    else:
        said = ", default branch"
    return said + (f", {f'{place.item} ' if place.item else ''}{path}" if path else "")


@dataclass(frozen=True)
class _Found:
    """What the server said a place means."""

    commit: str
    label: str  #: branch, tag or short commit, for people and file names
    path: str
    is_tag: bool = False
    notes: tuple[str, ...] = ()


def _resolve(client: Client, remote: protocol.Remote, place: Place) -> _Found:
    if place.rest:
        return _resolve_rest(client, remote, place.rest)
    if _COMMIT.fullmatch(place.ref):
        return _Found(place.ref, place.ref[:12], place.path)
    if not place.ref:
        for ref in protocol.list_refs(client, remote, ["HEAD"]):
            if ref.name == "HEAD":
                branch = ref.target.removeprefix("refs/heads/") or "HEAD"
                return _Found(ref.oid, branch, place.path, notes=(f"The default branch, {branch}, was taken.",))
        raise FetchError("The repository is empty.", advice="Paste the address of a repository that holds files.")
    names = [place.ref] if place.ref.startswith("refs/") else [f"refs/tags/{place.ref}", f"refs/heads/{place.ref}"]
    refs = {ref.name: ref for ref in protocol.list_refs(client, remote, names)}
    for name in names:
        if name in refs:
            return _found(refs[name], place.path)
    if re.fullmatch(r"[0-9a-f]{7,63}", place.ref):
        return _resolve_short(client, remote, place)
    raise _no_such(place.ref)


def _resolve_rest(client: Client, remote: protocol.Remote, rest: tuple[str, ...]) -> _Found:
    """Find where the name of the ref ends: a branch may be called a/b, and then none is called a."""
    prefixes = [f"refs/heads/{rest[0]}", f"refs/tags/{rest[0]}"]
    refs = {ref.name: ref for ref in protocol.list_refs(client, remote, prefixes)}
    for end in range(len(rest), 0, -1):
        for kind in ("heads", "tags"):
            ref = refs.get(f"refs/{kind}/{'/'.join(rest[:end])}")
            if ref:
                return _found(ref, forms.clean_path(list(rest[end:])))
    if rest[0] == "HEAD":
        return _resolve(client, remote, Place("", remote.url, "", path=forms.clean_path(list(rest[1:]))))
    if re.fullmatch(r"[0-9a-f]{7,63}", rest[0]):
        return _resolve_short(client, remote, Place("", "", "", rest[0], path=forms.clean_path(list(rest[1:]))))
    raise _no_such("/".join(rest))


def _resolve_short(client: Client, remote: protocol.Remote, place: Place) -> _Found:
    """Find a shortened commit among the ends of branches and tags; servers answer to whole names only."""
    commits = {ref.oid for ref in protocol.list_refs(client, remote, ["refs/heads/", "refs/tags/"])}
    fitting = [commit for commit in commits if commit.startswith(place.ref)]
    if len(fitting) == 1:
        return _Found(fitting[0], place.ref[:12], place.path)
    advice = "Paste the address with the whole name of the commit, 40 digits long."
    raise SourceRefused(f"The commit {place.ref} cannot be found by its first digits.", advice=advice)


def _found(ref: protocol.Ref, path: str) -> _Found:
    pull = re.fullmatch(r"refs/(pull|merge-requests)/(\d+)/head", ref.name)
    label = f"{pull[1]}-{pull[2]}" if pull else re.sub(r"^refs/(heads|tags)/", "", ref.name)
    return _Found(ref.oid, label, path, ref.name.startswith("refs/tags/"))


def _no_such(name: str) -> SourceRefused:
    shown = re.sub(r"^refs/(heads|tags)/", "", name)[:200]
    return SourceRefused(f"The repository has no branch or tag {shown}.", advice="Check the spelling of the address.")


def _notes(packed: dict[str, Any]) -> list[str]:
    sentences = {
        "links": ("One symbolic link was left out.", "{:,} symbolic links were left out."),
        "submodules": ("One submodule was left out.", "{:,} submodules were left out."),
        "large": (
            "One file lies in Git LFS; its pointer was scanned.",
            "{:,} files lie in Git LFS; their pointers were scanned.",
        ),
    }
    return [
        one if packed[name] == 1 else many.format(packed[name])
        for name, (one, many) in sentences.items()
        if packed[name]
    ]


@cache
def _programs() -> list[str]:
    """Return the files and folders of git."""
    program = shutil.which("git")
    if program is None:
        advice = "Paste the address of an archive of it, or ask whoever runs this site to install git."
        raise FetchError("Git repositories cannot be scanned here, because git is not installed.", advice=advice)
    helpers = subprocess.run([program, "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    real = Path(program).resolve()
    # Its libraries, where it is not the system's own.
    return [program, str(real), helpers, str(real.parent.parent / "lib")]
