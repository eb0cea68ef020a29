"""Why a scan cannot go on, in words for the person who asked for it.

    ScannerError
    ├── SourceRefused        the text is not something that can be scanned
    ├── FetchError           the source could not be brought here
    │   ├── AddressRefused   the host resolves to an address that must not be reached
    │   ├── NameNotFound     the host's name has no address
    │   ├── HttpAnswered     the server answered, but not with the content
    │   ├── BrokenOff        the connection ended before everything was here
    │   └── TimedOut         too slow, or no answer at all
    ├── LimitExceeded        larger than this site scans
    ├── ArchiveError         the archive cannot be unpacked
    │   ├── ArchiveBroken    truncated or damaged
    │   └── ArchiveRefused   its members try to leave their folder, or are not files
    ├── DiskFull             there is no room for it now
    ├── NotStored            nothing is kept under this name
    ├── EngineError          the scanner itself failed
    └── Cancelled            somebody asked to stop

``str(error)`` is one sentence that names the cause; ``advice`` says what the reader can do.
"""

from __future__ import annotations


class ScannerError(Exception):
    """The base of all that this library raises on purpose."""

    code = "failed"
    advice = "Try again; if it happens again, tell whoever runs this site."

    def __init__(self, sentence: str, *, advice: str | None = None) -> None:
        super().__init__(sentence)
        if advice is not None:
            self.advice = advice


class SourceRefused(ScannerError):
    code = "source-refused"
    advice = "Paste the http or https address of a file or an archive."


class FetchError(ScannerError):
    code = "fetch-failed"
    advice = "Check the address, or try again later."


class AddressRefused(FetchError):
    code = "address-refused"
    advice = "Only addresses on the public Internet can be scanned from here."


class NameNotFound(FetchError):
    code = "name-not-found"
    advice = "Check the spelling of the address."


class HttpAnswered(FetchError):
    code = "http-status"
    advice = "Check the address, or paste the page where you found the link."
    status = 0  #: of the HTTP answer
    challenge = ""  #: how the server wants to be asked, of a 401


class BrokenOff(FetchError):
    code = "broken-off"


class TimedOut(FetchError):
    code = "timed-out"
    advice = "Try again later, or scan a copy on a faster server."


class LimitExceeded(ScannerError):
    code = "limit-exceeded"
    advice = "Scan a part of it, or run Scanpost yourself with a higher limit."


class ArchiveError(ScannerError):
    code = "archive-failed"
    advice = "Check that the file opens on your own machine."


class ArchiveBroken(ArchiveError):
    code = "archive-broken"
    advice = "Check that the file opens on your own machine, and that the upload to its server was complete."


class ArchiveRefused(ArchiveError):
    code = "archive-refused"
    advice = "Pack the files again with an ordinary archiver, without links, devices or absolute names."


class DiskFull(ScannerError):
    """The one failure that passes by itself: whoever can wait had better try again."""

    advice = "Try again later."

    def __init__(self, sentence: str = "The disk of this site is full.", *, advice: str | None = None) -> None:
        super().__init__(sentence, advice=advice)


class NotStored(ScannerError):
    code = "not-stored"


class EngineError(ScannerError):
    code = "engine-failed"


class Cancelled(ScannerError):
    code = "cancelled"
    advice = "Submit it again if you want the report after all."
