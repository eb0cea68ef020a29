"""A file or an archive at an http or https address: what every address means that no other kind takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from scanner import urls
from scanner.errors import SourceRefused
from scanner.fetch import Client, Digest, Download
from scanner.results import Source
from scanner.sources import git
from scanner.sources.base import Access, Request

_WEB_PAGE_NAMES = (".html", ".htm", ".xhtml", ".shtml")
_WEB_PAGE_START = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head)\b", re.IGNORECASE | re.DOTALL)
#: As package indexes write it behind their links.
_DIGEST = re.compile(r"(md5|sha1|sha224|sha256|sha384|sha512)=([0-9a-fA-F]{32,128})")


@dataclass(frozen=True)
class FileRequest(Request):
    """The file at one address."""

    kind: ClassVar[str] = "file"

    url: str
    expect: Digest | None = None
    purl: str | None = None

    def fetch(self, client: Client, folder: Path) -> tuple[Source, Path]:
        download = client.download(self.url, folder, expect=self.expect)
        try:
            _refuse_web_page(download)
        except SourceRefused:
            download.path.unlink()
            # Many sites show a repository's files at the address from which git fetches them.
            repository = git.find(client, self.asked, self.url)
            if repository is None:
                raise
            return repository.fetch(client, folder)
        source = Source(
            kind=self.kind,
            asked=self.asked,
            title=download.filename,
            filename=download.filename,
            url=download.url,
            purl=self.purl,
            sha256=download.sha256,
            size=download.size,
        )
        return source, download.path


def recognise(text: str, _access: Access) -> Request:
    """Return the request for a file at an address; raise SourceRefused where the text is no such address."""
    url, _, fragment = urls.canonical(text).partition("#")
    host = urlsplit(url).hostname or ""
    name = urls.file_name(url)
    digest = _DIGEST.fullmatch(fragment)
    expect = Digest(digest[1], digest[2].lower()) if digest else None
    understood = f"File {name} at {host}" if name else f"What {host} answers with"
    return FileRequest(text, name or host, understood, url, expect)


def _refuse_web_page(download: Download) -> None:
    """Refuse a page that was meant for a browser: scanning it would tell nothing about the code it speaks of."""
    if download.filename.lower().endswith(_WEB_PAGE_NAMES) or download.content_type not in (
        "text/html",
        "application/xhtml+xml",
    ):
        return
    with download.path.open("rb") as file:
        start = file.read(4_096)
    if _WEB_PAGE_START.match(start):
        host = urlsplit(download.url).hostname
        advice = "Paste the address behind the page's download button, or of the repository."
        raise SourceRefused(f"{host} answers with a web page, not with a file.", advice=advice)
