"""An HTTP server on loopback that serves good files and misbehaves in every way that a test asks for.

    with HttpServer() as server:
        server.routes["/x.zip"] = content(b"…")
        server.url("/x.zip")

A route is a function from the request to an iterable of what is written to the socket: bytes are sent as they are,
numbers are seconds to wait. So each builder below shows on a few lines exactly what goes over the wire.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

ALLOWED = "127.0.0.0/8"


@dataclass(frozen=True)
class HttpRequest:
    method: str
    path: str  #: with the query
    headers: dict[str, str]  #: names in lower case
    body: bytes = b""

    @property
    def bare_path(self) -> str:
        return self.path.partition("?")[0]


Route = Callable[[HttpRequest], Iterable[bytes | float]]


@dataclass
class HttpServer:
    """Listens on a free port while its context lasts. ``requests`` are those that came in, ``connections`` counts."""

    routes: dict[str, Route] = field(default_factory=dict)
    fallback: Route | None = None  #: for paths without a route; 404 if there is none
    tls: ssl.SSLContext | None = None
    address: str = "127.0.0.1"
    requests: list[HttpRequest] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __enter__(self) -> HttpServer:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._socket = socket.create_server((self.address, self.port), family=family, backlog=64)
        self.port = self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_error: Any) -> None:
        self._stopping.set()
        # Closing alone does not wake a thread that waits in accept or recv; shutting down does.
        for connection in (self._socket, *self._open):
            _shut(connection)
        for thread in self._threads:
            thread.join(10)

    def url(self, path: str = "/", host: str | None = None) -> str:
        host = host or (f"[{self.address}]" if ":" in self.address else self.address)
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls:
                plain, connection = connection, self.tls.wrap_socket(connection, server_side=True)
                self._open.discard(plain)
                self._open.add(connection)
            with connection.makefile("rb") as lines:
                while (request := _read_request(lines)) is not None and self._answer(request, connection):
                    pass
        except OSError:
            pass  # the client went away, which is what many tests are about
        finally:
            self._open.discard(connection)
            _shut(connection)

    def _answer(self, request: HttpRequest, connection: socket.socket) -> bool:
        """Write the answer; return whether the connection may serve another request."""
        self.requests.append(request)
        route = self.routes.get(request.path) or self.routes.get(request.bare_path) or self.fallback or status(404)
        head = b""
        for part in route(request):
            if isinstance(part, bytes):
                head = head or part
                connection.sendall(part)
            elif part < 0:
                if part == RESET:
                    _reset(connection)
                return False
            elif self._stopping.wait(part):
                return False
        return b"connection: close" not in head.partition(b"\r\n\r\n")[0].lower()


#: In place of a pause: end the connection with a reset, as a crashed server does.
RESET = -1.0
#: In place of a pause: end the connection in order.
CLOSE = -2.0


def _read_request(lines: Any) -> HttpRequest | None:
    first = lines.readline(65_536).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = {}
    while line := lines.readline(65_536).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return HttpRequest(first[0], first[1], headers, lines.read(int(headers.get("content-length", "0"))))


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def head(code: int = 200, headers: dict[str, str] | None = None) -> bytes:
    """Return the status line and headers of an answer."""
    lines = [f"HTTP/1.1 {code} Test", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


# Good answers


def content(body: bytes, *, type: str = "application/octet-stream", headers: dict[str, str] | None = None) -> Route:
    """Serve a file as it should be, ranges included."""

    def answer(request: HttpRequest) -> Iterator[bytes]:
        wanted = request.headers.get("range", "")
        start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0) if wanted else 0
        extra = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if wanted else {}
        part = body[start:]
        lengths = {"Content-Length": str(len(part)), "Content-Type": type, "Accept-Ranges": "bytes"}
        yield head(206 if wanted else 200, {**lengths, **extra, **(headers or {})})
        if request.method != "HEAD":
            yield part

    return answer


def status(code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Route:
    """Answer with a status and little else."""
    return lambda _request: [head(code, {"Content-Length": str(len(body)), **(headers or {})}), body]


def redirect(location: str, code: int = 302) -> Route:
    return status(code, {"Location": location})


def chunked(*parts: bytes | float) -> Route:
    """Serve in chunks, without a length; numbers are pauses."""

    def answer(_request: HttpRequest) -> Iterator[bytes | float]:
        yield head(200, {"Transfer-Encoding": "chunked"})
        for part in parts:
            yield f"{len(part):x}\r\n".encode() + part + b"\r\n" if isinstance(part, bytes) else part
        yield b"0\r\n\r\n"

    return answer


def in_turn(*routes: Route) -> Route:
    """Answer the first request by the first route, the second by the second …, and by the last from then on."""
    left = list(routes)
    lock = threading.Lock()

    def answer(request: HttpRequest) -> Iterable[bytes | float]:
        with lock:
            route = left.pop(0) if len(left) > 1 else left[0]
        return route(request)

    return answer


# Hostile and broken answers


def drip(seconds: float = 1.0, *, in_header: bool = False) -> Route:
    """Send one byte at a time, for ever."""

    def answer(_request: HttpRequest) -> Iterator[bytes | float]:
        yield head(200, {"Content-Length": "1000000"}) if not in_header else b"HTTP/1.1 200 OK\r\nX-Slow: "
        while True:
            yield b"x"
            yield seconds

    return answer


def endless(headers: dict[str, str] | None = None) -> Route:
    """Send zeros without a length, for ever."""

    def answer(_request: HttpRequest) -> Iterator[bytes]:
        yield head(200, {"Connection": "close", **(headers or {})})
        while True:
            yield bytes(65_536)

    return answer


def silent(seconds: float = 60.0) -> Route:
    """Take the request and say nothing."""
    return lambda _request: [seconds]


def stalled(body: bytes, seconds: float = 60.0) -> Route:
    """Send the half of a file, then nothing."""
    half = body[: len(body) // 2]
    return lambda _request: [head(200, {"Content-Length": str(len(body))}), half, seconds]


def broken(body: bytes, *, reset: bool = False) -> Route:
    """Send the half of a file, then end the connection."""
    start = [head(200, {"Content-Length": str(len(body)), "Connection": "close"}), body[: len(body) // 2]]
    return lambda _request: [*start, 0.05, RESET] if reset else start


def lying_length(body: bytes, said: int) -> Route:
    """Say another length than the body has."""
    return lambda _request: [head(200, {"Content-Length": str(said), "Connection": "close"}), body]


def compressed(body: bytes, *, encoding: str = "gzip", times: int = 1) -> Route:
    """Send a file in an encoding that nobody asked for."""
    for _ in range(times):
        body = gzip.compress(body)
    return content(body, headers={"Content-Encoding": ", ".join([encoding] * times)})


def raw(*parts: bytes | float) -> Route:
    """Send exactly this, then close."""
    return lambda _request: [*parts, CLOSE]
