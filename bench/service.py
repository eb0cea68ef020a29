"""From the form to the report: ``python -m bench.service``. Medians of five, each with an empty cache of findings."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from bench.subjects import SUBJECTS
from tests import trees
from tests.servers.http import HttpServer, content
from tests.servers.site import Site

RUNS = 5


def _packed(name: str) -> bytes:
    folder = next(subject for subject in SUBJECTS if subject.name == name).folder()
    return trees.tar_gz(
        {str(path.relative_to(folder.parent)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    )


def main() -> None:
    subjects = {
        "single file": ("/app.py", _source("flask")),
        "express": ("/express.tgz", _packed("express")),
        "flask": ("/flask.tgz", _packed("flask")),
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        HttpServer() as http,
        Site(Path(folder) / "instance", CACHE_BYTES="0", REUSE_REPORTS="no") as site,
    ):
        for name, (path, body) in subjects.items():
            http.routes[path] = content(body)
            times = [_once(site, http.url(path)) for _ in range(RUNS)]
            each = " ".join(f"{seconds:.2f}" for seconds in times)
            print(f"{name:12} median {statistics.median(times):5.2f} s   ({each})", flush=True)


def _source(name: str) -> bytes:
    folder = next(subject for subject in SUBJECTS if subject.name == name).folder()
    return (folder / "src" / "flask" / "app.py").read_bytes()


def _once(site: Site, url: str) -> float:
    started = time.monotonic()
    site.wait(site.submit(url), "done")
    return time.monotonic() - started


if __name__ == "__main__":
    main()
