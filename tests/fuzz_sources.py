"""Paste random texts and answer with random bytes: ``python -m tests.fuzz_sources --seconds 60 [--seed N]``.

A text is a request or refused by SourceRefused, quickly. And whatever the servers of a file, a registry, a repository
or an image answer, a fetch ends in a file or in one of our own errors, with nothing left in its folder. What fails is
kept in ``.cache/fuzz`` and named.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from unittest import mock

from scanner import fetch, sources
from scanner.addresses import Gate
from scanner.errors import ScannerError, SourceRefused
from scanner.limits import Limits
from scanner.registries import Registries
from tests.scanner.sources import test_recognise
from tests.servers import oci, registries
from tests.servers.git import GitServer, Repository
from tests.servers.http import CLOSE, HttpRequest, HttpServer, Route, content

KEPT = Path(__file__).parents[1] / ".cache" / "fuzz"
GATE = Gate([ip_network("127.0.0.0/8")])
LIMITS = Limits(
    download_bytes=2_000_000, download_seconds=3, connect_seconds=2, idle_seconds=1, unpack_seconds=10, redirects=3
)
#: CPU seconds in which any text must have been read.
_SLOW = 0.25
_PIECES = (
    *test_recognise.BROKEN.split(),
    " ",
    "\n",
    "\0",
    "\ud800",
    "é",
    "pkg:npm/",
    "git clone ",
    "?x=",
    "pip install ",
)
_BYTES = (
    b"\0",
    b"\xff",
    b"0000",
    b"0001",
    b"ffff",
    b"{",
    b"}",
    b'"',
    b"null",
    b"[]",
    b"-1",
    b"\r\n",
    b"9" * 30,
    b"PACK",
)


@dataclass(frozen=True)
class Failure:
    what: str
    sample: bytes
    reason: str

    def keep(self) -> Path:
        """Write the sample and the reason to disk, and return where."""
        KEPT.mkdir(parents=True, exist_ok=True)
        path = KEPT / f"{self.what}-{hashlib.sha256(self.sample).hexdigest()[:16]}"
        path.write_bytes(self.sample)
        path.with_suffix(".txt").write_text(self.reason)
        return path


def texts() -> list[str]:
    """Return what the table of pasted texts holds, with the hosts filled in."""
    tables = (test_recognise.FILES, test_recognise.GIT, test_recognise.PACKAGES, test_recognise.IMAGES)
    return [case.values[0] for table in (*tables, test_recognise.REFUSED) for case in test_recognise.cases(table)]


def changed_text(text: str, rng: random.Random) -> str:
    """Return the text with pieces put in, taken out, doubled or many times repeated."""
    for _ in range(rng.choice((1, 2, 3, 8))):
        at, length = rng.randrange(len(text) + 1), rng.choice((1, 2, 5, 20))
        match rng.randrange(4):
            case 0:
                text = text[:at] + rng.choice(_PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + length :]
            case 2:
                text = text[:at] + text[at : at + length] * rng.choice((2, 3, 50)) + text[at:]
            case _:
                text = text[:at] + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) + text[at + 1 :]
    return text[:5_000]


def read(text: str) -> str | None:
    """Return what is wrong with how a text is read, None if nothing is."""
    began = time.process_time()
    try:
        request = sources.recognise(text)
        if not request.understood or not request.title:
            return "it is understood as nothing"
    except SourceRefused as error:
        if not str(error).endswith(".") or not (str(error) + error.advice).isprintable():
            return f"no sentence: {error!r}"
    except Exception:
        return traceback.format_exc()
    took = time.process_time() - began
    return f"it took {took:.2f} s" if took > _SLOW else None


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with a few changes, or broken off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, length = rng.randrange(len(changed) + 1), rng.choice((1, 2, 8, 100))
        match rng.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            case 1:
                changed[at : at + length] = rng.choice(_BYTES)
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length] * rng.choice((1, 2, 20))
            case _:
                del changed[at:]
    return bytes(changed)


class Answering:
    """Servers of every kind, half of whose answers are damaged: on the wire, headers and all, or in the body."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._rng = rng
        self._folder = folder
        self.sample = b""

    @contextmanager
    def running(self) -> Iterator[list[tuple[str, HttpServer, str, sources.Access]]]:
        """Give (kind, server, text to paste, access) of all of them."""
        repository = Repository(self._folder / "demo.git")
        repository.commit({"LICENSE": "MIT\n", "src/x.c": "int x;\n"})
        with GitServer(self._folder) as git, oci.ImageServer(token="t") as images, HttpServer() as others:
            others.routes["/x.zip"] = content(b"PK" * 500)
            offers = registries.serve(others)
            images.push("library/demo", "latest", [oci.layer({"a": b"1"}), oci.layer({".wh.a": b"", "b": b"2"})])
            access = sources.Access(registries=registries.registries(others))
            image_access = sources.Access(registries=Registries(docker=images.url("")))
            all_of_them = [("package", others, offer.name, access) for offer in offers.values()]
            all_of_them.append(("file", others, others.url("/x.zip"), access))
            all_of_them.append(("git", git, git.url("/demo.git"), access))
            all_of_them.append(("image", images, "docker://demo", image_access))
            for server in (git, images, others):
                server.routes = {path: self._damaging(route) for path, route in server.routes.items()}
                if server.fallback:
                    server.fallback = self._damaging(server.fallback)
            yield all_of_them

    def _damaging(self, route: Route) -> Route:
        def answer(request: HttpRequest) -> Iterable[bytes | float]:
            parts = [part for part in route(request) if isinstance(part, bytes)]
            if self._rng.random() < 0.5:
                yield from parts
                return
            whole = b"".join(parts)
            start = whole.find(b"\r\n\r\n") + 4
            if self._rng.random() < 0.3:
                whole = changed_bytes(whole, self._rng)
            else:
                body = changed_bytes(whole[start:], self._rng)
                whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body)
                whole += b"".join(
                    line + b"\r\n" for line in parts[0].split(b"\r\n") if line.lower().startswith(b"content-type")
                )
                whole += b"\r\n" + body
            self.sample = f"{request.method} {request.path}\n".encode() + whole
            yield whole
            yield CLOSE

        return answer

    def fetch(self, text: str, access: sources.Access) -> str | None:
        """Return what is wrong with how a fetch ended, None if nothing is."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            try:
                _, path = sources.fetch(
                    sources.recognise(text, access), folder, gate=GATE, limits=LIMITS, access=access
                )
                left = [file for file in folder.iterdir() if file != path]
            except ScannerError as error:
                left = list(folder.iterdir())
                if not str(error).endswith("."):
                    return f"no sentence: {error!r}"
            except Exception:
                return traceback.format_exc()
            return f"left behind: {left}" if left else None


def run(seed: int, *, seconds: float = 3_600, fetches: int | None = None) -> tuple[Counter[str], list[Failure]]:
    """Fuzz for so long, or for so many fetches, with texts in between.

    Return how many of each kind were tried, and what failed.
    """
    rng = random.Random(seed)
    tried: Counter[str] = Counter()
    failures: list[Failure] = []
    known = texts()
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        answering = Answering(Path(name), rng)
        with mock.patch.object(fetch, "_RETRY_SECONDS", 0.01), answering.running() as servers:
            while time.monotonic() < ends and fetches != 0:
                fetches = None if fetches is None else fetches - 1
                for _ in range(200):
                    text = changed_text(rng.choice(known), rng)
                    tried["texts"] += 1
                    if reason := read(text):
                        failures.append(Failure("text", text.encode("utf-8", "surrogatepass"), reason))
                kind, _, text, access = rng.choice(servers)
                tried[kind] += 1
                if reason := answering.fetch(text, access):
                    failures.append(Failure(kind, answering.sample, reason))
    return tried, failures


def main() -> int:
    parser = argparse.ArgumentParser(description="Paste random texts and answer with random bytes.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    tried, failures = run(options.seed, seconds=options.seconds)
    print(f"seed {options.seed}: " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(tried.items())))
    for failure in failures[:20]:
        print(f"{failure.keep()}: {failure.reason.strip().splitlines()[-1]}")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
