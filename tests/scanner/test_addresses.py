"""The gate: no forbidden address is reached, however it is written, and no good one is refused."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from scanner.addresses import Gate
from scanner.errors import AddressRefused, FetchError, NameNotFound, ScannerError, SourceRefused
from scanner.fetch import Client
from scanner.limits import Limits
from tests.servers import http as serve
from tests.servers.http import HttpServer


def words(text: str) -> list[str]:
    return text.split()


#: The IANA special-purpose address registries for IPv4 and IPv6, and multicast, which have registries of their own.
#: Left out are ::ffff:0:0/96 and 64:ff9b::/96, which are judged by the IPv4 address inside.
RANGES = words(
    """
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24
    192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 ::1/128 ::/128 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
    2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
    2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
    fec0::/10 ff00::/8
    """
)

#: What nobody may reach, once as IPv4 address and then in every form that hides one.
PRIVATE = words(
    """
    10.0.0.1 127.0.0.1 169.254.169.254 172.31.255.255 192.168.1.1 100.64.0.1 168.63.129.16 0.0.0.0
    """
)

METADATA = words(
    """
    169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254 fd20:ce::254
    """
)

#: Text that the resolver of the C library, or a browser, takes for 127.0.0.1.
LOOPBACK_TEXTS = words(
    """
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 0x7f.0.0.0x1 127.0.0.1. 0 0.0.0.0
    １２７.０.０.１ １２７.1 ①②⑦.⓪.⓪.① 127。0。0。1 localhost localhost. LOCALHOST [::1] [::] [0:0:0:0:0:0:0:1]
    [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::]
    """
)

GOOD = words(
    """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 140.82.112.3
    151.101.0.223 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255
    192.0.1.0 192.0.3.0 192.88.98.255 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255
    203.0.112.255 203.0.114.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2606:4700::6810:84e5 2606:50c0::153
    2a04:4e42::223 2003::1 2400:cb00::1 3fff:1000::1 2620:4f:8001::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
    """
)


def corners(network: str) -> Iterator[str]:
    """Yield the first, the middle and the last address."""
    parsed = ip_network(network)
    for offset in sorted({0, parsed.num_addresses // 2, parsed.num_addresses - 1}):
        yield str(parsed[offset])


def forms(address: str) -> Iterator[str]:
    """Yield the IPv6 addresses that hold this IPv4 address."""
    number = int(ip_address(address))
    high, low = number >> 16, number & 0xFFFF
    yield f"::ffff:{address}"
    yield f"::{address}"
    yield f"::ffff:0:{address}"
    yield f"64:ff9b::{address}"
    yield f"64:ff9b:1::{address}"
    yield f"64:ff9b:1:{high:x}:{low >> 8:x}:{(low & 0xFF) << 8:x}::"
    yield f"2002:{high:x}:{low:x}::1"
    yield f"2001:0:{high:x}:{low:x}::1"
    yield f"2001:0:4136:e378:8000:63bf:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}"
    yield f"2a00:1450::5efe:{address}"
    yield f"2a00:1450::200:5efe:{address}"


FORBIDDEN = sorted(
    {*(corner for network in RANGES for corner in corners(network)), *METADATA, *PRIVATE, "4000::1", "::2", "3ffe::1"}
    | {form for address in PRIVATE for form in forms(address)}
)


def test_the_table_is_as_long_as_promised():
    assert len(FORBIDDEN) >= 200


@pytest.mark.parametrize("address", FORBIDDEN)
def test_it_refuses(address):
    with pytest.raises(AddressRefused, match="must not be reached"):
        Gate().judge(address)


@pytest.mark.parametrize("address", GOOD)
def test_it_lets_pass(address):
    Gate().judge(address)


@pytest.mark.parametrize("text", ["", "example.org", "127.1", "0x7f000001", "1.2.3.4/8", "fe80::1%", "１.1.1.1", "::g"])
def test_it_refuses_what_is_no_address(text):
    with pytest.raises(AddressRefused):
        Gate().judge(text)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "fe80::1%2", "2606:4700::1%eth0", "::1%lo", "fd00::1%3"])
def test_it_refuses_addresses_of_one_interface(address):
    with pytest.raises(AddressRefused):
        Gate().judge(address)


class TestExceptions:
    def gate(self, *networks: str) -> Gate:
        return Gate([ip_network(network) for network in networks])

    @pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"])
    def test_an_allowed_network_may_be_reached_in_the_forms_that_lead_to_it(self, address):
        self.gate("10.0.0.0/8").judge(address)

    @pytest.mark.parametrize("address", ["10.1.2.3", "2002:a01:203::1", "192.168.0.1"])
    def test_others_may_not(self, address):
        with pytest.raises(AddressRefused):
            self.gate("127.0.0.0/8", "fd12::/16").judge(address)

    @pytest.mark.parametrize(
        "address",
        [
            "2002:a01:203::1",
            "64:ff9b:1::10.1.2.3",
            "64:ff9b:1:a01:2:300::",
            "2001:0:a01:203::1",
            "2001:0:4136:e378:8000:63bf:3f57:fefe",
        ],
    )
    def test_a_way_of_crossing_may_be_allowed_without_what_is_behind_it(self, address):
        gate = self.gate("2002::/16", "64:ff9b:1::/48", "2001::/32")

        gate.judge("2002:808:808::1")
        gate.judge("64:ff9b:1::8.8.8.8")
        with pytest.raises(AddressRefused):
            gate.judge(address)

    @pytest.mark.parametrize("address", METADATA)
    def test_metadata_services_stay_shut_unless_named_exactly(self, address):
        around = ["0.0.0.0/0", "::/0"]

        with pytest.raises(AddressRefused, match="metadata service"):
            self.gate(*around).judge(address)
        self.gate(*around, address).judge(address)

    def test_loopback_of_both_families_may_be_allowed(self):
        gate = self.gate("127.0.0.0/8", "::1/128")

        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            gate.judge(address)

    def test_a_link_local_network_may_be_allowed(self):
        self.gate("fe80::/10").judge("fe80::1%eth0")


class FakeNames:
    """A resolver that gives each name its answers in turn, the last of them for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): list(turns) for name, turns in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if host not in self.answers:
            return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))
        turns = self.answers[host]
        found = []
        for address in turns.pop(0) if len(turns) > 1 else turns[0]:
            sixth = ":" in address
            plain, _, scope = address.partition("%")
            sockaddr = (plain, port, 0, int(scope or 0)) if sixth else (plain, port)
            found.append((socket.AF_INET6 if sixth else socket.AF_INET, socket.SOCK_STREAM, 6, "", sockaddr))
        return found


class TestNames:
    @pytest.mark.parametrize(
        "addresses",
        [["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["8.8.8.8", "::1"], ["8.8.8.8", "2606:4700::1%2"]],
    )
    def test_one_refused_address_refuses_the_name(self, addresses):
        gate = Gate(lookup=FakeNames(two_example=[addresses]))

        with pytest.raises(AddressRefused, match=r"two\.example leads to") as caught:
            gate.resolve("two.example", 80)
        assert not any(address in str(caught.value) for address in addresses)

    def test_a_name_without_an_address_is_not_found(self):
        with pytest.raises(NameNotFound, match="has no address"):
            Gate(lookup=FakeNames(none_example=[[]])).resolve("none.example", 80)

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (socket.gaierror(socket.EAI_NONAME, "no"), "was not found"),
            (socket.gaierror(socket.EAI_AGAIN, "later"), "could not say"),
            (UnicodeError("label too long"), "was not found"),
        ],
    )
    def test_what_a_resolver_raises_becomes_a_sentence(self, error, sentence):
        def lookup(_host: str, _port: int) -> Any:
            raise error

        with pytest.raises(NameNotFound, match=sentence):
            Gate(lookup=lookup).resolve("x.example", 80)

    def test_whoever_waits_for_a_slow_resolver_can_be_stopped(self):
        answers = threading.Event()

        def beat() -> None:
            raise KeyboardInterrupt

        try:
            with pytest.raises(KeyboardInterrupt):
                Gate(lookup=lambda _host, _port: [answers.wait()]).resolve("slow.example", 80, timeout=60, beat=beat)
        finally:
            answers.set()

    def test_it_gives_each_judged_address_once(self):
        gate = Gate(lookup=FakeNames(good_example=[["8.8.8.8", "2606:4700::1", "8.8.8.8"]]))

        assert [sockaddr[:2] for _, sockaddr in gate.resolve("good.example", 443)] == [
            ("8.8.8.8", 443),
            ("2606:4700::1", 443),
        ]


LIMITS = Limits(download_seconds=10, connect_seconds=2, idle_seconds=2)


class TestCanary:
    """A server on loopback that nothing may ever connect to, and every way of getting there."""

    @pytest.fixture
    def canary(self) -> Iterator[HttpServer]:
        with HttpServer(fallback=serve.content(b"caught")) as server:
            yield server
            assert server.connections == 0

    @pytest.fixture
    def door(self) -> Iterator[HttpServer]:
        """Stand for a public server: 127.0.0.2 is allowed, which nothing else on loopback is."""
        with HttpServer(address="127.0.0.2") as server:
            yield server

    def fetch(self, url: str, folder: Any, names: FakeNames | None = None) -> None:
        gate = Gate([ip_network("127.0.0.2/32")], lookup=names or FakeNames())
        with Client(gate, LIMITS) as client:
            client.download(url, folder)

    @pytest.mark.parametrize("host", LOOPBACK_TEXTS)
    def test_no_spelling_reaches_it(self, canary, tmp_path, host):
        with pytest.raises(ScannerError) as caught, Client(Gate(), LIMITS) as client:
            client.download(f"http://{host}:{canary.port}/", tmp_path)
        assert isinstance(caught.value, (AddressRefused, NameNotFound))

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.1:{port}/",
            "//127.0.0.1:{port}/",
            "http://2130706433:{port}/",
            "http://[::ffff:127.0.0.1]:{port}/",
            "http://rebinds.example:{port}/",
            "http://both.example:{port}/",
            "http://127.0.0.2@127.0.0.1:{port}/",
            "http://127.0.0.2:80\\@127.0.0.1:{port}/",
            "http://127.0.0.2#@127.0.0.1:{port}/",
            "\thttp://127.0.0.1:{port}/",
            "file:///etc/passwd",
            "http://10.0.0.1/",
            "gopher://127.0.0.1:{port}/_x",
            "http:127.0.0.1:{port}/",
        ],
    )
    def test_no_redirect_reaches_it(self, canary, door, tmp_path, location):
        names = FakeNames(rebinds_example=[["127.0.0.2"], ["127.0.0.1"]], both_example=[["127.0.0.2", "127.0.0.1"]])
        names("rebinds.example", 80)  # its good answer was given before
        door.routes["/"] = serve.redirect(location.format(port=canary.port))

        with pytest.raises((FetchError, SourceRefused)):
            self.fetch(door.url(), tmp_path, names)

    def test_a_name_that_changes_its_address_is_asked_once_for_each_connection(self, door, tmp_path):
        # The good answer is judged and connected to; the bad one, which comes next, is never seen by a socket.
        names = FakeNames(rebinds_example=[["127.0.0.2"], ["127.0.0.1"]])
        door.fallback = serve.content(b"good")

        self.fetch(f"http://rebinds.example:{door.port}/x", tmp_path, names)

        assert names.asked == ["rebinds.example"]
        assert (tmp_path / "x").read_bytes() == b"good"

    def test_every_socket_is_connected_to_a_judged_address(self, door, tmp_path, monkeypatch):
        judged, connected = [], []
        resolve, connect = Gate.resolve, socket.socket.connect_ex
        monkeypatch.setattr(Gate, "resolve", lambda *a, **k: judged.extend(r := resolve(*a, **k)) or r)
        monkeypatch.setattr(
            socket.socket, "connect_ex", lambda s, to: connected.append((s.family, to)) or connect(s, to)
        )
        door.routes |= {"/a": serve.redirect("/b"), "/b": serve.redirect(door.url("/c")), "/c": serve.content(b"x")}

        self.fetch(door.url("/a"), tmp_path)

        assert connected
        assert connected == judged
