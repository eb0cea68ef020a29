"""What the ends of names say. They never decide what a file is, only what its content is called."""

from __future__ import annotations

_COMPRESSIONS = tuple(
    f".{suffix}"
    for line in ("gz gzip bz2 bz bzip2 xz lzma zst zstd lz4 lz lzip z", "tgz tbz2 tbz tb2 txz tlz tzst tz taz")
    for suffix in line.split()
)
_ARCHIVES = tuple(
    f".{suffix}"
    for line in (
        "tar zip 7z rar cab cpio iso img xar pkg ar a",
        "jar war ear sar aar apk xpi ipa whl egg pyz pex nupkg vsix conda gem crate deb udeb ipk rpm srpm",
    )
    for suffix in line.split()
)
_DOCUMENTS = tuple(
    f".{suffix}"
    for line in (
        "docx dotx docm xlsx xltx xlsm xltm pptx ppsx potx pptm potm ppsm sldx epub",
        "odt odf ods ots odp otp odg otg oxt sxw stw sxc stc sxi sti sxd sxg sxm std sdc sda sdd sdw smf",
        "dia graffle svgz",
    )
    for suffix in line.split()
)


def inner_name(name: str) -> str:
    """Return what a compressed file is called without its compression: "data.json" for "data.json.gz"."""
    return _without(name, _COMPRESSIONS)


def stem(name: str) -> str:
    """Return the name of an archive without what says that it is one: "flask-3.1.0" for "flask-3.1.0.tar.gz"."""
    return _without(_without(name, _COMPRESSIONS), _ARCHIVES)


def is_document(name: str) -> bool:
    """Tell whether a file is a zip or gzip only inside, as office documents are: extractcode leaves these closed."""
    return name.lower().endswith(_DOCUMENTS)


def _without(name: str, suffixes: tuple[str, ...]) -> str:
    for suffix in suffixes:
        # What is left must be a name that a file can have.
        if name.lower().endswith(suffix) and name[: -len(suffix)].strip("."):
            return name[: -len(suffix)]
    return name
