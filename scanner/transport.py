"""HTTP whose every connection passes the gate: requests and urllib3 with a socket of our own making.

Three promises hold for all that goes through here. The address that is connected to is the one that was judged, since
both happen in ``_connect``. Nothing outlives the deadline, because each wait, down to a single read, is cut into short
steps that look at the clock. And what comes in is counted where it comes in, before anything decodes it.
"""

from __future__ import annotations

import errno
import http.cookiejar
import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.wait import wait_for_write

from scanner.addresses import Gate
from scanner.errors import FetchError, LimitExceeded, TimedOut
from scanner.limits import Limits, stated

Answer = TypeVar("Answer")

#: Seconds. How long a wait may go on before the clock and whoever wants to cancel are asked.
_STEP = 0.5
#: Bytes. What headers and protocol may take on top of the content before the byte limit ends a fetch.
_OVERHEAD = 1_000_000
#: Of the addresses of one name that are tried.
_MOST_ADDRESSES = 8


class Wire:
    """What all connections of one fetch share: the gate, the deadline and the count of bytes.

    ``tick`` is called at each step of each wait; what it raises ends the fetch and comes out unchanged.
    """

    def __init__(self, gate: Gate, limits: Limits, tick: Callable[[], None]) -> None:
        self.gate = gate
        self.limits = limits
        self.received = 0
        self.raised: BaseException | None = None
        self._tick = tick
        self._ends = time.monotonic() + limits.download_seconds

    def remaining(self) -> float:
        """Return the seconds until the deadline, never less than zero."""
        return max(0.0, self._ends - time.monotonic())

    def check(self) -> None:
        """Raise TimedOut after the deadline, and whatever the caller's tick raises."""
        if not self.remaining():
            raise TimedOut(f"The download did not end within {stated(self.limits, 'download_seconds')}.")
        try:
            self._tick()
        except BaseException as error:
            # urllib3 turns every OSError into its own; this keeps the original for whoever called.
            self.raised = error
            raise

    def count(self, received: int) -> None:
        """Add bytes that came in; raise LimitExceeded when they are more than may be fetched, even at two attempts."""
        self.received += received
        if self.received > 2 * self.limits.download_bytes + _OVERHEAD:
            raise too_large(self.limits)


def too_large(limits: Limits) -> LimitExceeded:
    return LimitExceeded(f"This is larger than {stated(limits, 'download_bytes')}, the most that this site fetches.")


class WaitedLongEnough(TimeoutError):
    """Nothing came for as long as one of the limits says. Its text is that limit, stated."""


class _PatientSocket:
    """Let a socket wait in short steps. Mixed into the plain and the TLS socket; ``wire`` is set on the subclass."""

    wire: Wire

    def recv_into(self, *args: Any) -> int:
        """Read as the base does, asking the clock at each step; http.client reads everything through this."""
        received = self._patiently(partial(super().recv_into, *args), "idle_seconds")  # type: ignore[misc]
        self.wire.count(received)
        return received

    def _patiently(self, act: Callable[[], Answer], limit: str) -> Answer:
        limits = self.wire.limits
        ends = time.monotonic() + getattr(limits, limit)
        while True:
            self.wire.check()
            self.settimeout(_STEP)  # type: ignore[attr-defined]
            try:
                return act()
            except TimeoutError as error:
                if time.monotonic() >= ends:
                    raise WaitedLongEnough(stated(limits, limit)) from error


class _PlainSocket(_PatientSocket, socket.socket):
    pass


class _TlsSocket(_PatientSocket, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self._patiently(partial(super().do_handshake, block), "connect_seconds")


def _connect(wire: Wire, host: str, port: int) -> socket.socket:
    """Return a socket that is connected to one of the judged addresses of the host, trying each in turn."""
    wire.check()
    ends = time.monotonic() + min(wire.limits.connect_seconds, wire.remaining())
    failure: OSError | None = None
    targets = wire.gate.resolve(host, port, timeout=ends - time.monotonic(), beat=wire.check)[:_MOST_ADDRESSES]
    for number, (family, sockaddr) in enumerate(targets):
        connection = type("_Socket", (_PlainSocket,), {"wire": wire})(family, socket.SOCK_STREAM)
        try:
            # Each gets its share of the time that is left, so that a silent one does not use it up for the others.
            share = (ends - time.monotonic()) / (len(targets) - number)
            _connect_patiently(connection, sockaddr, wire, share)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
    raise _unreachable(host, port, failure, wire.limits) from failure


def _connect_patiently(connection: socket.socket, sockaddr: tuple[Any, ...], wire: Wire, seconds: float) -> None:
    connection.setblocking(False)
    ends = time.monotonic() + seconds
    status = connection.connect_ex(sockaddr)
    if status == errno.EINPROGRESS:
        while not wait_for_write(connection, min(_STEP, max(0.05, seconds))):
            wire.check()
            if time.monotonic() >= ends:
                raise TimeoutError(errno.ETIMEDOUT, "connecting took too long")
        status = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if status:
        raise OSError(status, "connecting failed")
    connection.settimeout(_STEP)


def _unreachable(host: str, port: int, failure: OSError | None, limits: Limits) -> FetchError:
    number = failure.errno if failure else None
    if number == errno.ECONNREFUSED:
        return FetchError(f"{host} refuses connections on port {port}.")
    if number == errno.ETIMEDOUT:
        return TimedOut(f"{host} did not answer on port {port} within {stated(limits, 'connect_seconds')}.")
    return FetchError(f"{host} cannot be reached on port {port}.")


class _GatedMixin:
    """Make the connection through the gate. urllib3 calls ``_new_conn`` for every socket that it opens."""

    host: str
    port: int

    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        return _connect(self._wire, self.host, self.port)


class _GatedConnection(_GatedMixin, HTTPConnection):
    pass


class _GatedTlsConnection(_GatedMixin, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ConnectionCls = partial(_GatedConnection, wire=wire)  # type: ignore[assignment]


class _TlsPool(HTTPSConnectionPool):
    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ConnectionCls = partial(_GatedTlsConnection, wire=wire)  # type: ignore[assignment]


class _GatedAdapter(HTTPAdapter):
    """Give requests pools whose connections pass the gate, and no way around them by a proxy."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = type("_Socket", (_TlsSocket,), {"wire": self._wire})
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager: PoolManager
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, wire=self._wire),
            "https": partial(_TlsPool, wire=self._wire),
        }

    def proxy_manager_for(self, *_args: Any, **_kwargs: Any) -> Any:
        raise FetchError("Proxies are not used here.")


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return nothing: requests would read all of a redirect's body into memory, and judge nothing."""


def session(wire: Wire, *, user_agent: str, certificates: str | None = None) -> requests.Session:
    """Return a session all of whose connections belong to this wire.

    Nothing of this machine's environment takes part (proxies, .netrc), cookies are not kept. ``certificates`` is the
    path of the authorities to trust instead of the usual ones.
    """
    made = _Session()
    made.trust_env = False
    made.verify = certificates or True
    made.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    # Asked for as it is: what arrives should be the file that its author published, byte for byte.
    made.headers.update({"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"})
    adapter = _GatedAdapter(wire)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made
