"""What an http or https address must look like before anything is fetched from it, and the file name that it names."""

from __future__ import annotations

import re
import unicodedata
from email.message import Message
from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import idna

from scanner.errors import SourceRefused

#: Characters. Signed addresses of object stores reach 2,000; servers commonly stop at 8,000.
MAX_LENGTH = 4_000
#: Bytes. Leaves room below the 255 of Linux file systems for what unpacking appends.
MAX_NAME = 200

#: Ports from 1024 on that belong to services which would take a request for something else: the list of blocked ports
#: of the WHATWG Fetch standard, then databases, queues and management interfaces.
_OTHER_SERVICES = frozenset(
    (
        1719,
        1720,
        1723,
        2049,
        3659,
        4045,
        4190,
        5060,
        5061,
        6000,
        6566,
        6665,
        6666,
        6667,
        6668,
        6669,
        6679,
        6697,
        10080,
        1433,
        1521,
        2375,
        2376,
        2379,
        2380,
        3306,
        3389,
        5432,
        5672,
        5900,
        5984,
        6379,
        9200,
        9300,
        10250,
        11211,
        27017,
    )
)

#: Unicode categories: control, format, half characters, private, not assigned, and separators of lines.
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_HOST_AND_PORT = re.compile(r"[^/?#:]+:\d{1,5}(?:[/?#]|$)")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?")
_PATH_ON_A_DISK = re.compile(r"[A-Za-z]:[\\/]|[/\\](?![/\\])|\.{1,2}[/\\]|~")

_WEB_ADDRESS = "Paste the http or https address of a file, an archive or a repository."
_NO_PASSWORDS = "Remove the part before the @; what needs a password cannot be scanned from here."

#: What to do instead, for schemes that people paste.
_OTHER_SCHEMES = {
    "ftp": "Many FTP servers offer the same file over https: try the address with https:// in front.",
    "ftps": "Many FTP servers offer the same file over https: try the address with https:// in front.",
    "file": "This address points at a file on your own disk. Paste the address of a copy on the web.",
    "ssh": "Paste the https address of the repository.",
    "git": "Paste the https address of the repository.",
    "s3": "Paste an https address at which the file can be downloaded.",
    "gs": "Paste an https address at which the file can be downloaded.",
    "blob": "This address works only in the browser that made it. Paste the address of the file itself.",
}


def canonical(text: str) -> str:
    """Return the text as one http or https address, in ASCII, with its fragment.

    A missing scheme is taken as https, spaces and other characters are escaped as a browser does it, international
    host names become Punycode. Raises SourceRefused with a sentence that holds no password.
    """
    return urlunsplit(split(text))


def web_parts(text: str) -> SplitResult | None:
    """Return the parts of ``canonical(text)``, None where the text is no http or https address."""
    try:
        return urlsplit(canonical(text))
    except SourceRefused:
        return None


def path_names(parts: SplitResult) -> list[str]:
    """Return the names in the path of an address, without escapes and without empty ones."""
    return [name for part in parts.path.split("/") if (name := unquote(part).strip())]


def split(text: str) -> SplitResult:
    """Return the parts of ``canonical(text)``."""
    text = text.strip()
    refuse_shape(text)
    _refuse_other_things(text)
    if text.startswith("//"):
        text = "https:" + text
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", text) or _HOST_AND_PORT.match(text):
        text = "https://" + text
        guessed = True
    else:
        guessed = False
    scheme, rest = text.split(":", 1)
    scheme = scheme.lower()
    if re.match(r"[^/]*@", rest):
        raise SourceRefused("An address with a user name or password in it is not taken.", advice=_NO_PASSWORDS)
    if scheme not in ("http", "https"):
        advice = _OTHER_SCHEMES.get(scheme.removeprefix("git+"), _WEB_ADDRESS)
        raise SourceRefused(f"Addresses that begin with {scheme[:20]}: cannot be scanned.", advice=advice)
    if not rest.startswith("//"):
        raise SourceRefused(f"After {scheme}: there must be two slashes and a host name.", advice=_WEB_ADDRESS)
    try:
        parts = urlsplit(f"{scheme}:{rest}")
    except ValueError:
        raise SourceRefused("This is not a valid web address.", advice=_WEB_ADDRESS) from None
    if "@" in parts.netloc:
        raise SourceRefused("An address with a user name or password in it is not taken.", advice=_NO_PASSWORDS)
    host, port = _host_and_port(parts.netloc, guessed)
    netloc = host if port is None or port == {"http": 80, "https": 443}[scheme] else f"{host}:{port}"
    path = quote(_escape_lone_percents(parts.path), safe="/%:@!$&'()*+,;=~-._") or "/"
    query = quote(_escape_lone_percents(parts.query), safe="/%:@!$&'()*+,;=~-._?")
    return SplitResult(scheme, netloc, path, query, parts.fragment)


def refuse_shape(text: str) -> None:
    """Raise SourceRefused for what nobody means to paste, before any of it is parsed."""
    if not text:
        raise SourceRefused("Nothing was pasted.", advice=_WEB_ADDRESS)
    if len(text) > MAX_LENGTH:
        raise SourceRefused(f"This is longer than {MAX_LENGTH:,} characters.", advice=_WEB_ADDRESS)
    if any(unicodedata.category(character) in _INVISIBLE for character in text):
        raise SourceRefused("This holds a line break or another invisible character.", advice="Type it anew.")


def _refuse_other_things(text: str) -> None:
    if re.search(r"\s[a-z+]+://", text):
        raise SourceRefused("These are several addresses.", advice="Paste one address at a time.")
    if _PATH_ON_A_DISK.match(text):
        advice = "Paste the web address of the file; a path on your own disk cannot be opened from here."
        raise SourceRefused("This is a path on a disk, not a web address.", advice=advice)


def _escape_lone_percents(text: str) -> str:
    return re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)


def _host_and_port(netloc: str, guessed: bool) -> tuple[str, int | None]:
    """Return the host in ASCII and the port, or refuse; ``guessed``: the text had no scheme."""
    if guessed and not re.match(r"[^\s.:]+(\.|:\d)|\[|localhost", netloc):
        advice = "Paste an http or https address, or a package as a purl such as pkg:npm/express."
        raise SourceRefused("This is not a web address.", advice=advice)
    match = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(\d{0,5}))?", netloc)
    if match is None:
        raise SourceRefused("The host name in this address is not valid.", advice=_WEB_ADDRESS)
    host, port_text = match.groups()
    host = _bracketed(host) if host.startswith("[") else _host_name(host)
    port = int(port_text) if port_text else None
    if port is not None:
        _refuse_port(port)
    return host, port


def _bracketed(host: str) -> str:
    try:
        address = IPv6Address(host[1:-1])
    except ValueError:
        raise SourceRefused("The IPv6 address in this address is not valid.", advice=_WEB_ADDRESS) from None
    if address.scope_id:
        raise SourceRefused("An address of one network interface only cannot be reached.", advice=_WEB_ADDRESS)
    return f"[{address}]"


def _host_name(host: str) -> str:
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise SourceRefused("The host name in this address is not valid.", advice=_WEB_ADDRESS) from None
    host = host.lower().removesuffix(".")
    if len(host) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in host.split(".")):
        raise SourceRefused("The host name in this address is not valid.", advice=_WEB_ADDRESS)
    return host


def _refuse_port(port: int) -> None:
    """Refuse ports that are not for the web: 80, 443 and those from 1024 on that belong to nothing else may be reached.

    A request to a mail server or a database would be read there as commands, with this machine as their sender.
    """
    if port in (80, 443) or (1024 <= port <= 65_535 and port not in _OTHER_SERVICES):
        return
    raise SourceRefused(f"Port {port} is not a port of web servers.", advice="Use port 80, 443 or one above 1023.")


def file_name(url: str) -> str:
    """Return the last name in the path of an address, made safe; empty if there is none."""
    name = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2], errors="replace")
    return safe_name(name, default="")


def disposition_name(header: str | None) -> str:
    """Return the file name that a Content-Disposition header gives (RFC 6266), made safe; empty if there is none."""
    if not header:
        return ""
    message = Message()
    try:
        message["Content-Disposition"] = header
        name = message.get_filename()
        return safe_name(name, default="") if name else ""
    except (ValueError, LookupError, TypeError):  # an unknown character set, a broken escape
        return ""


def safe_name(name: str, *, default: str = "download") -> str:
    """Return the name as one plain file name: no folder, not hidden, not an option, not long."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join("_" if unicodedata.category(c)[0] == "C" or c in '<>:"|?*\ufffd' else c for c in name)
    name = name.strip().lstrip(".-").rstrip(". ")
    encoded = name.encode("utf-8")
    if len(encoded) > MAX_NAME:
        # The extension is kept: it may decide how the file is unpacked.
        stem, dot, extension = name.rpartition(".")
        tail = (dot + extension).encode() if stem and len(extension.encode()) <= 20 else b""
        name = encoded[: MAX_NAME - len(tail)].decode("utf-8", errors="ignore") + tail.decode()
    return name or default
