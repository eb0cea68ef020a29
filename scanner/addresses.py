"""The one gate: which IP addresses may be reached from here.

The standard library's ``is_global`` and ``is_private`` are not asked: on Python 3.11 they let shared address space
(100.64.0.0/10), multicast, site-local and several embedded forms of private addresses pass. The ranges are those of the
IANA special-purpose address registries for IPv4 and IPv6, and the addresses at which clouds hand out credentials.

Two of IANA's ranges are judged by the IPv4 address inside them only, because machines reach all of the IPv4 Internet
through them: ``::ffff:0:0/96`` (the kernel sends IPv4) and ``64:ff9b::/96`` (the translators of IPv6-only networks).
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from scanner.errors import AddressRefused, NameNotFound, TimedOut

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
#: (family, sockaddr) as ``socket.socket.connect`` takes it.
Target = tuple[int, tuple[Any, ...]]
Lookup = Callable[[str, int], Sequence[tuple[Any, ...]]]

#: Seconds between two looks at the clock.
_STEP = 0.5

#: Range and reason, the narrower before the wider. Everything in it is refused.
_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "this machine itself, RFC 1122"),
        ("10.0.0.0/8", "a private network, RFC 1918"),
        ("100.64.0.0/10", "a provider's shared network, RFC 6598"),
        ("127.0.0.0/8", "this machine itself, RFC 1122"),
        ("169.254.0.0/16", "link-local, RFC 3927"),
        ("172.16.0.0/12", "a private network, RFC 1918"),
        ("192.0.0.0/24", "protocol assignments, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.31.196.0/24", "the AS112 service, RFC 7535"),
        ("192.52.193.0/24", "multicast tunnels, RFC 7450"),
        ("192.88.99.0/24", "6to4 relays, RFC 7526"),
        ("192.168.0.0/16", "a private network, RFC 1918"),
        ("192.175.48.0/24", "the AS112 service, RFC 7534"),
        ("198.18.0.0/15", "benchmarking, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("240.0.0.0/4", "reserved or broadcast, RFC 1112 and RFC 919"),
        ("::/128", "no address, RFC 4291"),
        ("::1/128", "this machine itself, RFC 4291"),
        ("::/96", "IPv4-compatible, RFC 4291"),
        ("::ffff:0:0:0/96", "IPv4-translated, RFC 2765"),
        ("64:ff9b:1::/48", "a translator's local network, RFC 8215"),
        ("100::/64", "discarded, RFC 6666"),
        ("100:0:0:1::/64", "dummy prefix, RFC 9780"),
        ("2001::/32", "Teredo tunnels, RFC 4380"),
        ("2001:2::/48", "benchmarking, RFC 5180"),
        ("2001::/23", "protocol assignments, RFC 2928"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2002::/16", "6to4 tunnels, RFC 7526"),
        ("2620:4f:8000::/48", "the AS112 service, RFC 7534"),
        ("3ffe::/16", "the former 6bone, RFC 3701"),
        ("3fff::/20", "documentation, RFC 9637"),
        ("5f00::/16", "segment routing, RFC 9602"),
        ("fc00::/7", "a private network, RFC 4193"),
        ("fe80::/10", "link-local, RFC 4291"),
        ("fec0::/10", "site-local, RFC 3879"),
        ("ff00::/8", "multicast, RFC 4291"),
    )
)

#: Where clouds hand out credentials and settings of the machine that asks. An exception for a range around one of
#: these does not open it; only an exception for exactly this address does.
_METADATA: dict[Address, str] = {
    ip_address(address): f"the metadata service of {cloud}"
    for address, cloud in (
        ("169.254.169.254", "most clouds"),
        ("169.254.170.2", "Amazon's containers"),
        ("169.254.170.23", "Amazon's containers"),
        ("169.254.0.23", "Tencent"),
        ("168.63.129.16", "Azure"),
        ("100.100.100.200", "Alibaba"),
        ("192.0.0.192", "Oracle"),
        ("fd00:ec2::254", "Amazon"),
        ("fd00:ec2::23", "Amazon's containers"),
        ("fd20:ce::254", "Google"),
    )
}

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
#: Networks whose last 32 bits are an IPv4 address.
_IPV4_AT_THE_END = (_MAPPED, _NAT64, IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"))
#: The only space that IANA has given out for unicast on the Internet so far (RFC 4291, RFC 3587).
_GLOBAL_UNICAST = IPv6Network("2000::/3")
#: The interface identifiers of ISATAP, RFC 5214, which end in an IPv4 address.
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


@dataclass(frozen=True)
class Gate:
    """Decide which addresses may be reached, asked with the address that is about to be connected to.

    ``allowed_networks`` are the exceptions that an operator made, for an intranet or a test server. An address with an
    IPv4 address inside needs that one to be allowed too. ``lookup`` answers as ``socket.getaddrinfo`` does.
    """

    allowed_networks: Sequence[Network] = ()
    lookup: Lookup | None = None

    def judge(self, address: str) -> None:
        """Raise AddressRefused unless this IP address, in text, may be reached."""
        reason = self._judge(address)
        if reason is not None:
            raise AddressRefused(f"The address {address[:100]} must not be reached from here ({reason}).")

    def resolve(
        self, host: str, port: int, *, timeout: float = math.inf, beat: Callable[[], None] = lambda: None
    ) -> list[Target]:
        """Return where to connect for this host, each address judged; connect to exactly these.

        One refused address refuses the host: a name with a public and a private address is an attack, or a mistake
        that would show only now and then. ``timeout`` is in seconds; ``beat`` is called meanwhile, and may raise.
        Raises NameNotFound, AddressRefused, TimedOut.
        """
        targets: list[Target] = []
        for family, _, _, _, sockaddr in self._look_up(host.strip("[]"), port, timeout, beat):
            if family not in (socket.AF_INET, socket.AF_INET6):
                continue
            reason = self._judge(_with_scope(sockaddr))
            if reason is not None:
                # The address itself stays out of the sentence: it would tell strangers what an internal name means.
                raise AddressRefused(f"{host} leads to an address that must not be reached ({reason}).")
            if (family, sockaddr) not in targets:
                targets.append((family, sockaddr))
        if not targets:
            raise NameNotFound(f"The host name {host} has no address.")
        return targets

    def _look_up(self, host: str, port: int, timeout: float, beat: Callable[[], None]) -> Sequence[tuple[Any, ...]]:
        """Ask the resolver in a thread of its own: getaddrinfo knows no timeout and cannot be interrupted."""
        lookup = self.lookup or _getaddrinfo
        answer: list[Any] = []

        def ask() -> None:
            try:
                answer.append(lookup(host, port))
            except Exception as error:  # whatever a resolver raises belongs to the thread that waits
                answer.append(error)

        thread = threading.Thread(target=ask, name="resolver", daemon=True)
        thread.start()
        ends = time.monotonic() + timeout
        while thread.is_alive() and (left := ends - time.monotonic()) > 0:
            beat()
            thread.join(min(left, _STEP))
        if not answer:
            raise TimedOut(f"The name server did not say in time where {host} is.")
        if isinstance(answer[0], socket.gaierror) and answer[0].errno == socket.EAI_AGAIN:
            advice = "Try again in a minute, and check the spelling of the address."
            raise NameNotFound(f"The name server could not say where {host} is.", advice=advice) from answer[0]
        if isinstance(answer[0], (OSError, UnicodeError, ValueError)):
            raise NameNotFound(f"The host name {host} was not found.") from answer[0]
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    def _judge(self, text: str) -> str | None:
        """Return why the address is refused, or None."""
        try:
            parsed = ip_address(text)
        except ValueError:
            return "it is not an IP address"
        scoped = isinstance(parsed, IPv6Address) and parsed.scope_id
        plain = IPv6Address(int(parsed)) if scoped else parsed
        reason = self._reason(plain)
        if reason is None and scoped and not self._is_allowed(plain):
            reason = "an address of one network interface only, RFC 4007"
        return reason

    def _reason(self, address: Address) -> str | None:
        for form in (address, *_embedded(address)):
            if form in _METADATA and not self._is_allowed_alone(form):
                return _METADATA[form]
            if not self._is_allowed(form):
                reason = _refusal(form)
                # Other readings of a local NAT64 address begin with zero bits, which are no destination.
                if reason is not None and not (address in _LOCAL_NAT64 and form in IPv4Network("0.0.0.0/8")):
                    return reason
        return None

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self.allowed_networks)

    def _is_allowed_alone(self, address: Address) -> bool:
        return any(address in network and network.num_addresses == 1 for network in self.allowed_networks)


def _getaddrinfo(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _with_scope(sockaddr: tuple[Any, ...]) -> str:
    """Return the address of a sockaddr, with the scope that IPv6 keeps in a number of its own."""
    address = str(sockaddr[0])
    scoped = len(sockaddr) == 4 and sockaddr[3] and "%" not in address
    return f"{address}%{sockaddr[3]}" if scoped else address


def _refusal(address: Address) -> str | None:
    for network, reason in _REFUSED:
        if address in network:
            return reason
    if isinstance(address, IPv6Address) and not any(address in n for n in (_GLOBAL_UNICAST, _MAPPED, _NAT64)):
        return "no address of the public Internet, RFC 4291"
    return None


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address stands for in one of the ways of crossing from one to the other."""
    # :: and ::1 lie in the range of the IPv4-compatible addresses without being any (RFC 4291, section 2.5.5.1).
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return
    number = int(address)
    last = number & 0xFFFF_FFFF
    if any(address in network for network in _IPV4_AT_THE_END) or number >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield IPv4Address(last)
    if address in _6TO4:
        yield IPv4Address(number >> 80 & 0xFFFF_FFFF)
    if address in _TEREDO:
        # The server is plain, the client is written with all bits turned (RFC 4380, section 4).
        yield IPv4Address(number >> 64 & 0xFFFF_FFFF)
        yield IPv4Address(last ^ 0xFFFF_FFFF)
    if address in _LOCAL_NAT64:
        yield from (IPv4Address(reading) for reading in _nat64_readings(number))


def _nat64_readings(number: int) -> Iterator[int]:
    """Yield the IPv4 address at each place that RFC 6052, section 2.2, has for it; bits 64 to 71 are passed over."""
    without_gap = (number >> 64) << 56 | (number & (1 << 56) - 1)  # 120 bits
    for prefix in (48, 56, 64):
        yield without_gap >> (120 - prefix - 32) & 0xFFFF_FFFF
    yield number & 0xFFFF_FFFF
