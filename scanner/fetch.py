"""Bring content here: through the gate, under limits, with a sentence for each thing that goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
import urllib3

from scanner import answers, slots, transport, urls
from scanner.access import Access
from scanner.addresses import Gate
from scanner.errors import BrokenOff, FetchError, LimitExceeded
from scanner.limits import Limits, size, stated
from scanner.results import Progress, no_progress

#: Bytes. Registries describe their largest packages in about 20 MB of JSON.
METADATA_BYTES = 50_000_000
_CHUNK = 65_536
#: Seconds between two reports of progress.
_PROGRESS_STEP = 0.1
#: Seconds: before a second attempt, the most that a server may ask to wait for it, and between two looks at the clock.
_RETRY_SECONDS = 0.5
_LONGEST_WAIT = 60
_PAUSE_STEP = 0.2

#: Ends of names whose files are compressed themselves. Some servers describe that as an encoding of the transfer, and
#: undoing it would give a file that does not fit its name and its published digest.
_COMPRESSED_NAMES = (".gz", ".tgz", ".crate", ".Z", ".bz2", ".xz", ".zst", ".br", ".svgz", ".zip", ".whl", ".jar")


@dataclass(frozen=True)
class Download:
    """One file that was fetched."""

    path: Path
    filename: str  #: the name that its server, or its address, gives it, made safe; ``path`` ends in it
    url: str  #: after redirects
    sha256: str
    size: int  #: bytes
    content_type: str  #: as the server states it, lower case, without parameters; may be empty


@dataclass(frozen=True)
class Answer:
    """An answer that is still coming in."""

    url: str  #: after redirects
    host: str
    content_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True)
class Digest:
    """What a registry says that a file's content sums up to."""

    algorithm: str  #: a name that hashlib knows
    value: str  #: hexadecimal, lower case


class Client:
    """Fetches over http and https for one scan: one deadline and one byte count for everything together.

    Use it as a context manager. Errors of requests and urllib3 come out as those of scanner.errors; what ``progress``
    raises comes out as it is, after the files begun were removed.
    """

    def __init__(
        self,
        gate: Gate,
        limits: Limits,
        *,
        progress: Progress = no_progress,
        access: Access = Access(),  # noqa: B008 - frozen
    ) -> None:
        self.limits = limits
        self.access = access
        self._progress = progress
        self._before = 0  # bytes of the files that are here already
        self._done = 0
        self._whole: int | None = None
        self._reported = 0.0
        self.wire = transport.Wire(gate, limits, self._tick)
        self._session = transport.session(self.wire, user_agent=access.user_agent, certificates=access.certificates)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def download(
        self,
        url: str,
        folder: Path,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Digest | None = None,
    ) -> Download:
        """Fetch one file into the folder and return what it is; ``name`` overrides the name that it is given.

        A connection that breaks off is taken up again where it broke, once for each part that arrived. Raises
        FetchError, also if the content is empty or not what ``expect`` says, and LimitExceeded.
        """
        self._before += self._done
        self._done = 0
        part: _Part | None = None
        try:
            while True:
                try:
                    with self._opened(url, part.headers(headers) if part else headers, part=part) as (response, final):
                        part = part or _Part(folder / (name or answers.file_name(response, url, final)), expect)
                        self._store(response, part)
                        break
                except BrokenOff:
                    if part is None or not part.may_go_on():
                        raise
                    self._pause(_RETRY_SECONDS)
            sha256, size = part.finish(answers.host_of(final))
            self._tick(force=True)
        except BaseException:
            if part:
                part.remove()
            raise
        shown = final if final == url else final.partition("?")[0]  # signatures are for us, not for the report
        return Download(part.path, part.path.name, shown, sha256, size, part.content_type)

    @contextmanager
    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[Answer]:
        """Open an address, with POST where there is a body, and give its content as it comes in.

        Call ``took`` for the bytes that count as what is fetched.
        """
        with self._opened(url, headers, body) as (response, final):
            yield Answer(final, answers.host_of(final), answers.content_type(response), _chunks(response, decode=True))

    def took(self, count: int) -> None:
        """Count bytes of a stream, for progress and against the limit."""
        self._whole = None
        self._count(count)
        self._tick()

    def _count(self, count: int) -> None:
        self._done += count
        if self._before + self._done > self.limits.download_bytes:
            raise transport.too_large(self.limits)

    def tell(self, done: int, whole: int | None) -> None:
        """Report the progress of something other than a download."""
        self._done, self._whole = done, whole
        self._tick(force=True)

    def read(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        most: int = METADATA_BYTES,
        expect: Digest | None = None,
    ) -> bytes:
        """Return the content at an address, at most ``most`` bytes of it; for what registries say, not for files."""
        with self._opened(url, headers) as (response, _):
            content = bytearray()
            for chunk in _chunks(response, decode=True):
                content += chunk
                if len(content) > most:
                    raise LimitExceeded(f"The answer of {answers.host_of(url)} is larger than {size(most)}.")
        if expect and hashlib.new(expect.algorithm, content).hexdigest() != expect.value:
            raise FetchError(f"The answer of {answers.host_of(url)} is not what its digest says.")
        return bytes(content)

    def json(self, url: str, *, headers: Mapping[str, str] | None = None) -> Any:
        """Return the JSON at an address; FetchError if it is none."""
        content = self.read(url, headers={"Accept": "application/json", **(headers or {})})
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise FetchError(f"{answers.host_of(url)} answered with something that cannot be understood.") from None

    def _store(self, response: requests.Response, part: _Part) -> None:
        """Write the body of an answer where the part that is here ends."""
        decode = not part.path.name.endswith(_COMPRESSED_NAMES)
        if decode:
            answers.refuse_encoding(response)
        part.begin(response)
        self._done = part.size
        length = answers.content_length(response)
        self._whole = None if length is None or (decode and answers.encoding_of(response)) else part.size + length
        if self._whole is not None and self._before + self._whole > self.limits.download_bytes:
            raise transport.too_large(self.limits)
        with part.path.open("ab") as file:
            for chunk in _chunks(response, decode=decode):
                self._count(len(chunk))
                file.write(chunk)
                part.add(chunk)
                self._tick()

    @contextmanager
    def _opened(
        self, url: str, headers: Mapping[str, str] | None, body: bytes | None = None, part: _Part | None = None
    ) -> Iterator[tuple[requests.Response, str]]:
        """Open an address, following redirects, and translate whatever goes wrong until it is closed."""
        at = [url]
        try:
            with ExitStack() as stack:
                response = self._follow(at, headers, body, stack)
                stack.callback(response.close)
                if not (part and response.status_code == 206):
                    answers.refuse_status(response)
                yield response, at[0]
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if self.wire.raised is not None:
                raise self.wire.raised from None
            if isinstance(error, OSError) and error.filename is not None:
                raise  # a file of ours, not a connection
            raise answers.translated(error, answers.host_of(at[0])) from error

    def _follow(
        self, at: list[str], headers: Mapping[str, str] | None, body: bytes | None, stack: ExitStack
    ) -> requests.Response:
        """Return the first answer that is no redirect; ``at[0]`` is kept at the address that is being asked.

        What is sent with a body is not sent again to somewhere else: its redirect is the answer. The stack holds the
        place among the connections to the host that answers.
        """
        at[0] = urls.canonical(at[0]).partition("#")[0]
        seen = {at[0]}
        origin = answers.origin_of(at[0])
        while True:
            if answers.origin_of(at[0]) != origin:
                # What proves who we are is for the one who was asked, not for whoever it redirects to.
                headers = {name: value for name, value in (headers or {}).items() if name != "Authorization"}
            host = answers.host_of(at[0])
            stack.enter_context(slots.slot(self.access.slots, host, self.access.connections, self._wait_for_slot))
            response = self._ask(at[0], headers, body)
            target = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not target or body is not None:
                return response
            response.close()
            stack.close()
            at[0] = answers.redirected(at[0], target)
            if at[0] in seen:
                raise FetchError(f"{answers.host_of(at[0])} redirects in a circle.")
            if len(seen) > self.limits.redirects:
                raise FetchError(f"There are more than {stated(self.limits, 'redirects')}.")
            seen.add(at[0])

    def _ask(self, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> requests.Response:
        """Ask once, and once more if the server says or shows that it could not answer just now."""
        try:
            response = self._ask_once(url, headers, body)
        except requests.ConnectionError as error:
            again = isinstance(answers.translated(error, ""), BrokenOff)
            if not again or self.wire.raised is not None:
                raise
            self._pause(_RETRY_SECONDS)
            return self._ask_once(url, headers, body)
        if response.status_code not in (429, 500, 502, 503, 504):
            return response
        wait = answers.retry_after(response)
        if wait is None:
            wait = _RETRY_SECONDS
        if wait > min(_LONGEST_WAIT, self.wire.remaining() / 2):
            return response
        response.close()
        self._pause(wait)
        return self._ask_once(url, headers, body)

    def _ask_once(self, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> requests.Response:
        method, idle = "GET" if body is None else "POST", self.limits.idle_seconds
        own = self.access.credentials.get(answers.origin_of(url))
        sent = {**({"Authorization": own} if own else {}), **(headers or {})}
        ask = self._session.request
        return ask(method, url, headers=sent, data=body, stream=True, allow_redirects=False, timeout=idle)

    def _pause(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self.wire.check()
            time.sleep(min(left, _PAUSE_STEP))

    def _wait_for_slot(self) -> None:
        self._pause(_PAUSE_STEP)

    def _tick(self, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._reported >= _PROGRESS_STEP:
            self._reported = now
            self._progress(self._done, self._whole)


def _chunks(response: requests.Response, *, decode: bool) -> Iterator[bytes]:
    """Yield the body as it comes in: ``read1`` does not wait for a chunk to be full, as ``read`` would."""
    while chunk := response.raw.read1(_CHUNK, decode_content=decode):
        yield chunk


class _Part:
    """What has arrived of a file so far, and whether the rest can be asked for."""

    def __init__(self, path: Path, expect: Digest | None) -> None:
        self.path = path
        self.size = 0
        self.content_type = ""
        self._expect = expect
        self._validator: str | None = None
        self._at_last_break = -1
        path.open("xb").close()
        self._restart()

    def _restart(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._other = hashlib.new(self._expect.algorithm, usedforsecurity=False) if self._expect else None
        os.truncate(self.path, 0)

    def headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        """Return the headers that ask for the rest, provided that the file has not changed."""
        own = {"Range": f"bytes={self.size}-", "If-Range": self._validator} if self._validator and self.size else {}
        return {**(headers or {}), **own}

    def begin(self, response: requests.Response) -> None:
        """Get ready for an answer: the rest, if it says that it is, or all of it from the start."""
        if response.status_code == 206:
            if not response.headers.get("Content-Range", "").startswith(f"bytes {self.size}-"):
                raise FetchError(f"{answers.host_of(response.url)} sent another part of the file than was asked for.")
            return
        self._restart()
        self.content_type = answers.content_type(response)
        self._validator = answers.validator_of(response)

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._sha256.update(chunk)
        if self._other:
            self._other.update(chunk)

    def may_go_on(self) -> bool:
        """Tell whether to ask again: always for the first time, later only if more came than the last time."""
        further = self.size > self._at_last_break
        first = self._at_last_break < 0
        self._at_last_break = max(self.size, self._at_last_break)
        return first or (further and self._validator is not None)

    def finish(self, host: str) -> tuple[str, int]:
        """Return the SHA-256 and the size of the whole; raise FetchError if it is empty or another file."""
        if not self.size:
            raise FetchError(f"{host} answered with an empty file.")
        if self._expect and self._other and self._other.hexdigest() != self._expect.value:
            what = f"the {self._expect.algorithm} digest differs"
            raise FetchError(f"{self.path.name} is not the file that its registry describes: {what}.")
        return self._sha256.hexdigest(), self.size

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def digest_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size of a file of this machine."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
