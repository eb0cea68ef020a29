"""How this site presents itself to the servers that it fetches from, and which of them it asks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scanner.registries import Registries


@dataclass(frozen=True)
class Access:
    """What an operator decides about fetching, besides the limits and the exceptions to the address gate."""

    user_agent: str = "Scanpost/1.0"
    certificates: str | None = None  #: path of the certificate authorities to trust, instead of the usual ones
    registries: Registries = field(default_factory=Registries)
    plain_registries: tuple[str, ...] = ()  #: hosts, with their ports, of registries of images that speak http only
    #: What proves who we are: an origin such as "https://mirror.example.org", and the Authorization header for it.
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    slots: Path | None = None  #: folder that the processes of this machine share to count connections; None: no limit
    connections: int = 4  #: the most to one host at a time


def read_credentials(text: str) -> dict[str, str]:
    """Return the ``credentials`` that a setting states: addresses with a user and a password, between white space.

    ``https://user:password@mirror.example.org`` is for that host and port only; ``https://token@host`` sends a bearer
    token. Special characters are escaped as in any address. Raises ValueError, with a sentence that holds no secret.
    """
    found = {}
    for number, entry in enumerate(text.split(), start=1):
        try:
            parts = urlsplit(entry)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if host is None or parts.scheme not in ("http", "https") or not parts.username or parts.path not in ("", "/"):
            raise ValueError(f"entry {number} is not of the form https://user:password@host")
        default = {"http": 80, "https": 443}[parts.scheme]
        name = f"[{host}]" if ":" in host else host
        origin = f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, default) else "")
        user = unquote(parts.username)
        if parts.password is None:
            found[origin] = f"Bearer {user}"
        else:
            pair = f"{user}:{unquote(parts.password)}".encode()
            found[origin] = f"Basic {base64.b64encode(pair).decode()}"
    return found
