"""What the answers of web servers mean: their headers, their statuses, and what goes wrong, in sentences."""

from __future__ import annotations

import email.utils
import errno
import http.client
import re
import time
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from scanner import urls
from scanner.errors import BrokenOff, DiskFull, FetchError, HttpAnswered, ScannerError, SourceRefused, TimedOut
from scanner.transport import WaitedLongEnough

_STATUS_SENTENCES = {
    401: "{host} asks for a user name and password.",
    403: "{host} does not allow this to be fetched (403).",
    404: "{host} has nothing at this address (404).",
    407: "{host} can be reached through a proxy only (407).",
    410: "{host} had this once, and removed it (410).",
    429: "{host} is asked too often at the moment (429).",
    451: "{host} may not give this out for legal reasons (451).",
}

#: What OpenSSL's words mean, the particular before the general.
_TLS_REASONS = {
    "hostname mismatch": "its certificate is for another name",
    "ip address mismatch": "its certificate is for another name",
    "expired": "its certificate has expired",
    "certificate verify failed": "its certificate is not trusted",
}


def host_of(url: str) -> str:
    return urlsplit(url).hostname or "The server"


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address in its canonical form."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def content_type(response: requests.Response) -> str:
    """Return the media type in lower case, without parameters; empty if none is stated."""
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def content_length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and "Transfer-Encoding" not in response.headers else None


def encoding_of(response: requests.Response) -> str:
    """Return the encoding of the content, empty if it comes as it is."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def refuse_encoding(response: requests.Response) -> None:
    """Raise FetchError if the content comes in an encoding, or in layers of them, that cannot be undone."""
    known = urllib3.response.HTTPResponse.CONTENT_DECODERS
    encoding, host = encoding_of(response), host_of(response.url)
    names = [name.strip() for name in encoding.split(",") if name.strip() not in ("", "identity")]
    if not all(name in known for name in names) or len(names) > 2:
        raise FetchError(f"{host} sends the file in an encoding that is not understood here ({encoding[:40]}).")


def file_name(response: requests.Response, asked: str, final: str) -> str:
    """Return what the file is called: as the server says, else as the addresses do, the one with an extension first."""
    stated = urls.disposition_name(response.headers.get("Content-Disposition"))
    named = [name for name in (urls.file_name(final), urls.file_name(asked)) if name]
    with_extension = [name for name in named if "." in name]
    return stated or next(iter(with_extension + named), "") or urls.safe_name(host_of(final))


def redirected(url: str, target: str) -> str:
    """Return the address that an answer redirects to, judged as if it had been pasted."""
    try:
        # http.client reads headers as Latin-1; servers that do not escape write UTF-8.
        target = target.encode("latin-1").decode("utf-8", errors="replace")
        return urls.canonical(urljoin(url, target.strip())).partition("#")[0]
    except (SourceRefused, ValueError) as error:
        reason = str(error) if isinstance(error, SourceRefused) else "This is not a valid web address."
        raise FetchError(f"{host_of(url)} redirects to an address that is not taken. {reason}") from error


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds after which a server wants to be asked again (RFC 9110, 10.2.3); None if it says nothing."""
    stated = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", stated):
        return float(stated)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(stated).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def validator_of(response: requests.Response) -> str | None:
    """Return what proves that a part belongs to the same file (RFC 9110, 13.1.5); None if parts cannot be asked for."""
    if response.headers.get("Accept-Ranges", "").strip().lower() != "bytes" or encoding_of(response):
        return None
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def refuse_status(response: requests.Response) -> None:
    """Raise HttpAnswered unless the answer is the content."""
    status, host = response.status_code, host_of(response.url)
    if status == 200:
        return
    sentence = _STATUS_SENTENCES.get(status)
    if sentence is None and status >= 500:
        sentence = "{host} has a problem of its own ({status})."
    elif sentence is None:
        sentence = "{host} answered with status {status}, not with the content."
    error = HttpAnswered(sentence.format(host=host, status=status))
    error.status = status
    error.challenge = response.headers.get("WWW-Authenticate", "")
    if status >= 500 or status == 429:
        wait = retry_after(response)
        minutes = max(1, round(wait / 60)) if wait is not None else 0
        when = f"in {minutes:,} minute{'s' if minutes > 1 else ''}, as {host} asks" if minutes else "later"
        error.advice = f"Try again {when}."
    raise error


def translated(error: Exception, host: str) -> ScannerError:
    """Return the sentence for an error of requests, urllib3, a socket or the disk that the content is written to."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull()
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(chain) < 10:
        chain += [link, *(argument for argument in link.args if isinstance(argument, BaseException))]
        link = link.__cause__ or link.__context__
    text = " ".join(str(part) for part in chain).lower()
    if any(isinstance(part, (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout)) for part in chain):
        waited = next((f" It sent nothing for {part}." for part in chain if isinstance(part, WaitedLongEnough)), "")
        return TimedOut(f"{host} stopped sending.{waited}")
    if any(isinstance(part, (requests.exceptions.SSLError, urllib3.exceptions.SSLError)) for part in chain):
        reason = next((reason for word, reason in _TLS_REASONS.items() if word in text), "the handshake failed")
        return FetchError(f"There is no secure connection to {host}: {reason}.")
    if any(isinstance(part, urllib3.exceptions.DecodeError) for part in chain):
        return FetchError(f"{host} sends the file in a damaged encoding.")
    if any(isinstance(part, (http.client.IncompleteRead, ConnectionError)) for part in chain):
        return BrokenOff(f"{host} broke off the connection before everything had arrived.")
    return FetchError(f"{host} does not answer as a web server should.")
