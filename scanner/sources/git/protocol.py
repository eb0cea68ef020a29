"""Speak git's smart HTTP protocol: which names a repository has, and one commit of it as a pack.

Git itself is kept off the network. So everything that it would fetch passes the gate, counts against the limits, ends
at the deadline and can be cancelled like any other download. Described in git's Documentation/gitprotocol-v2.adoc,
gitprotocol-http.adoc and gitprotocol-pack.adoc. Version 2 is asked for; servers that know only the first one name all
their refs at once and are then asked in its way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from scanner.errors import FetchError, HttpAnswered, SourceRefused
from scanner.fetch import Answer, Client

_SERVICE = "git-upload-pack"
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FLUSH, _DELIMITER = b"0000", b"0001"
#: Bytes. The largest repositories name about 100,000 refs in 10 MB; we ask for a few.
_MOST_REFS = 20_000_000


@dataclass(frozen=True)
class Ref:
    name: str
    oid: str  #: of the commit, also where the ref is a tag object
    target: str = ""  #: where the ref stands for another, such as HEAD for the default branch


@dataclass(frozen=True)
class Remote:
    """A repository on a server."""

    url: str  #: after redirects, without "/info/refs"
    host: str
    capabilities: dict[str, str]
    refs: tuple[Ref, ...] | None = None  #: all that there are; None where the server waits to be asked (version 2)

    @property
    def object_format(self) -> str:
        return self.capabilities.get("object-format", "sha1")


def connect(client: Client, url: str) -> Remote:
    """Ask a repository what it can do. Redirects are followed here, and here only."""
    try:
        return _connect(client, url)
    except HttpAnswered as error:
        if error.status not in (401, 403, 404):
            raise
        # Sites do not say which: it would tell strangers what private repositories there are.
        host = urlsplit(url).hostname
        raise FetchError(f"{host} has no such repository, or keeps it private.", advice=error.advice) from error


def _connect(client: Client, url: str) -> Remote:
    suffix = f"/info/refs?service={_SERVICE}"
    with client.stream(url.rstrip("/") + suffix, headers=_headers(client)) as answer:
        if answer.content_type != f"application/x-{_SERVICE}-advertisement" or not answer.url.endswith(suffix):
            raise SourceRefused(f"{answer.host} has no git repository at this address.")
        lines = [line for line in _lines(answer.chunks, most=_MOST_REFS) if line is not None]
    url = answer.url.removesuffix(suffix)
    lines = [line for line in lines if not line.startswith((b"# service=", b"version 1"))]
    if lines and lines[0].strip() == b"version 2":
        features = (line.decode("utf-8", errors="replace").strip().partition("=") for line in lines[1:])
        return Remote(url, answer.host, {name: value for name, _, value in features})
    return _first_version(url, answer.host, lines)


def _first_version(url: str, host: str, lines: list[bytes]) -> Remote:
    """Read the refs that a server names by itself; its features stand behind the name of the first."""
    features: dict[str, str] = {}
    found: dict[str, Ref] = {}
    for number, line in enumerate(lines):
        text, _, more = line.decode("utf-8", errors="replace").rstrip("\n").partition("\0")
        if number == 0:
            # HEAD:refs/heads/main is the one symref that matters; others follow it if there are any.
            features = {name: value for name, _, value in (part.partition("=") for part in reversed(more.split()))}
        oid, _, name = text.partition(" ")
        if oid == "shallow" or name == "capabilities^{}":
            continue
        target = features.get("symref", "").partition(":")[2] if name == "HEAD" else ""
        # A tag object is followed by the commit that it stands for.
        found[name.removesuffix("^{}")] = Ref(name.removesuffix("^{}"), _checked(oid, host), target)
    return Remote(url, host, features, tuple(found.values()))


def list_refs(client: Client, remote: Remote, prefixes: Iterable[str]) -> list[Ref]:
    """Return the refs whose names begin with one of the prefixes."""
    prefixes = tuple(prefixes)
    if remote.refs is not None:
        return [ref for ref in remote.refs if ref.name.startswith(prefixes)]
    arguments = ["peel", "symrefs", *(f"ref-prefix {prefix}" for prefix in prefixes)]
    refs = []
    with _command(client, remote, "ls-refs", arguments) as answer:
        for line in _lines(answer.chunks, most=_MOST_REFS):
            if line is None:
                break
            oid, name, *more = line.decode("utf-8", errors="replace").rstrip("\n").split(" ")
            about = dict(part.partition(":")[::2] for part in more)
            commit = _checked(about.get("peeled", oid), remote.host)
            refs.append(Ref(name, commit, about.get("symref-target", "")))
    return refs


def fetch_commit(client: Client, remote: Remote, oid: str, to: Path) -> list[str]:
    """Write the pack of one commit without its history to a path; return the commits whose parents are missing."""
    shallow: list[str] = []
    asked = _fetch if remote.refs is None else _fetch_first_version
    with asked(client, remote, oid) as answer, to.open("xb") as pack:
        in_pack = False
        for line in _lines(answer.chunks):
            if line is None or line.startswith(b"unshallow "):
                continue
            if in_pack:
                _take_band(line, client, pack)
            elif line.startswith(b"shallow "):
                shallow.append(_checked(line.split()[1].decode("ascii", errors="replace"), remote.host))
            else:
                in_pack = line.strip() in (b"packfile", b"NAK")
    if not to.stat().st_size:
        raise FetchError(f"{remote.host} sent nothing for this commit.")
    return shallow


def _fetch(client: Client, remote: Remote, oid: str) -> AbstractContextManager[Answer]:
    return _command(client, remote, "fetch", ["no-progress", "ofs-delta", "deepen 1", f"want {oid}", "done"])


def _fetch_first_version(client: Client, remote: Remote, oid: str) -> AbstractContextManager[Answer]:
    if "side-band-64k" not in remote.capabilities or "shallow" not in remote.capabilities:
        raise FetchError(f"{remote.host} speaks a version of git's protocol that is not understood here.")
    wanted: list[str] = ["side-band-64k", "ofs-delta", "no-progress"]
    features = [name for name in wanted if name in remote.capabilities]
    if "object-format" in remote.capabilities:
        features.append(f"object-format={remote.object_format}")
    body = _line(f"want {oid} {' '.join(features)}") + _line("deepen 1") + _FLUSH + _line("done")
    return _post(client, remote, body)


def _checked(oid: str, host: str) -> str:
    """Return the name of an object if it is one: it goes to git, which must not take it for an option."""
    if not _OID.fullmatch(oid):
        raise FetchError(f"What {host} says of the repository cannot be understood.")
    return oid


def _take_band(line: bytes, client: Client, pack: BinaryIO) -> None:
    """Write what belongs to the pack; the other bands are for people (2) and for the last words of a server (3)."""
    band, data = line[:1], line[1:]
    if band == b"\x01":
        client.took(len(data))
        pack.write(data)
    elif band == b"\x03":
        raise FetchError(f"The git server says: {_printable(data)}")


def _command(client: Client, remote: Remote, command: str, arguments: Iterable[str]) -> AbstractContextManager[Answer]:
    features = [f"command={command}", "agent=scanpost", f"object-format={remote.object_format}"]
    if "object-format" not in remote.capabilities:
        features.pop()
    body = b"".join(map(_line, features)) + _DELIMITER + b"".join(map(_line, arguments)) + _FLUSH
    return _post(client, remote, body)


def _post(client: Client, remote: Remote, body: bytes) -> AbstractContextManager[Answer]:
    types = {"Content-Type": f"application/x-{_SERVICE}-request", "Accept": f"application/x-{_SERVICE}-result"}
    return client.stream(f"{remote.url}/{_SERVICE}", headers={**_headers(client), **types}, body=body)


def _headers(client: Client) -> dict[str, str]:
    # Some servers show a web page to whoever does not begin like this.
    return {"Git-Protocol": "version=2", "User-Agent": f"git/2.0 {client.access.user_agent}"}


def _line(text: str) -> bytes:
    data = text.encode() + b"\n"
    return b"%04x" % (len(data) + 4) + data


def _lines(chunks: Iterator[bytes], *, most: int | None = None) -> Iterator[bytes | None]:
    """Yield the pkt-lines of a stream, None for the marks between sections."""
    waiting = bytearray()
    taken = 0
    for chunk in chunks:
        waiting += chunk
        taken += len(chunk)
        if most is not None and taken > most:
            raise FetchError("The git server names more branches and tags than can be read here.")
        at = 0
        while len(waiting) - at >= 4:
            length = _length(waiting[at : at + 4])
            if length < 4:
                yield None
                at += 4
                continue
            if len(waiting) - at < length:
                break
            line = bytes(waiting[at + 4 : at + length])
            if line.startswith(b"ERR "):
                raise FetchError(f"The git server says: {_printable(line[4:])}")
            yield line
            at += length
        del waiting[:at]
    if waiting:
        raise FetchError("The git server broke off the connection before everything had arrived.")


def _length(digits: bytearray) -> int:
    try:
        length = int(digits, 16)
    except ValueError:
        length = -1
    if length < 0 or length == 3 or length > 65_520:
        raise FetchError("What the git server sends cannot be understood.")
    return length


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", errors="replace").strip()
    return "".join(c if c.isprintable() else " " for c in text)[:200].rstrip(".") + "."
