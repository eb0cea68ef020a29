"""ScanCode's licence index: loaded fast, and without what the replacements make themselves.

    python -m scanner.engine.index        prepares the lean copy, so that no start has to

Stock keeps the tokens of each of 37,000 rules four times: in order, as a set, as a multiset, and as positions by
legalese token; and an automaton for unknown licences, which no scan here asks for. `speedups.candidates` and
`speedups.alignment` need the first only. A copy of the index without the rest lies beside stock's own file, in the
folder that is trusted as much as ScanCode's code; it is used only while it says that it was made of that very file.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import mmap
import pickle
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from licensedcode import cache as license_cache

from scanner.engine import speedups
from scanner.engine.speedups import candidates, queries

log = logging.getLogger(__name__)

#: The stock functions that read what a lean index lacks.
READERS = {
    "licensedcode.match_set.compute_candidates",
    "licensedcode.index.LicenseIndex.get_approximate_matches",
}
#: Another number for another content.
_LEAN = 1


def load(left_out: Collection[str] | None = None) -> str:
    """Load the index as ScanCode's own, unless it is loaded; return the first 16 hex digits of its file's SHA-256.

    Without ``left_out`` the index is whole; with the names of the replacements that do not fit, see `may_be_lean`. The
    garbage collector is off meanwhile: unpickling makes millions of objects that all stay, and the collector would walk
    over them again and again.
    """
    with _without_collector():
        digest, cache = read(_stock_file(), lean=left_out is not None and may_be_lean(left_out))
        if license_cache._LICENSE_CACHE is None:
            license_cache._LICENSE_CACHE = cache
        if not speedups.stock_wanted():
            candidates.prepare(license_cache._LICENSE_CACHE.index)
            queries.prepare(license_cache._LICENSE_CACHE.index)
    return digest[:16]


def may_be_lean(left_out: Collection[str]) -> bool:
    """Tell whether nothing reads what a lean index lacks, given the replacements that do not fit ScanCode."""
    return not speedups.stock_wanted() and not READERS.intersection(left_out)


def _stock_file() -> Path:
    path = Path(
        license_cache.licensedcode_cache_dir, license_cache.LICENSE_INDEX_DIR, license_cache.LICENSE_INDEX_FILENAME
    )
    if not path.exists() or not path.stat().st_size:
        license_cache.populate_cache()
    return path


def read(path: Path, lean: bool) -> tuple[str, Any]:
    """Return the SHA-256 of stock's file, in hex, and the `LicenseCache` in it or in its lean copy.

    The copy is made where it is missing, damaged or made of another file, if that is allowed.
    """
    return _lean(path) if lean else _whole(path)


def _whole(path: Path) -> tuple[str, Any]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        # Hashing leaves the interpreter to others, so it costs no time where there are two processors.
        with ThreadPoolExecutor(1) as other:
            digest = other.submit(lambda: hashlib.sha256(data).hexdigest())
            cache = pickle.loads(data)  # noqa: S301 (ScanCode's own file)
        return digest.result(), cache


def _lean(path: Path) -> tuple[str, Any]:
    copy = path.with_name("scanpost_lean_index")
    made_of = (_LEAN, path.stat().st_size, path.stat().st_mtime_ns)
    with suppress(OSError, pickle.UnpicklingError, EOFError, ValueError), copy.open("rb") as file:
        source, digest = pickle.load(file)  # noqa: S301 (lies among ScanCode's own files)
        if source == made_of:
            return digest, pickle.load(file)  # noqa: S301
    digest, cache = _whole(path)
    _strip(cache.index)
    _keep(copy, (made_of, digest), cache)
    return digest, cache


def _strip(index: Any) -> None:
    """Take from an index what only the functions in READERS and the search for unknown licences would read."""
    index.sets_by_rid = index.msets_by_rid = index.high_postings_by_rid = ()
    index.unknown_automaton = None


def _keep(copy: Path, head: tuple[Any, str], cache: Any) -> None:
    """Write the copy in one step, or, where that is not allowed, not at all."""
    try:
        with tempfile.NamedTemporaryFile(dir=copy.parent, prefix=copy.name, delete=False) as draft:
            written = Path(draft.name)
            try:
                pickle.dump(head, draft, protocol=5)
                pickle.dump(cache, draft, protocol=5)
                draft.flush()
                written.chmod(0o644)
                written.replace(copy)
            except BaseException:
                written.unlink()
                raise
    except OSError as error:
        log.info("each start loads the whole license index, because a lean one cannot be kept: %s", error)


@contextmanager
def _without_collector() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


if __name__ == "__main__":
    load(speedups.install())
