"""From the form to the report: ``python -m bench.service [--again]``.

Each subject five times, with nothing known of any file: medians. With ``--again`` everything is kept, as in the running
service: what the same package costs when it comes again, and Django 5.1.4 after 5.1.3. Seconds by the wall, and CPU
seconds of site, worker and engine together.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import tree_cpu_seconds
from bench.subjects import folder_of, packed
from tests.packages import package
from tests.servers.http import HttpServer, content
from tests.servers.site import Site

RUNS = 5
AGAIN = ("express", "requests", "flask", "lodash")
#: Seconds that a large package may take.
PATIENCE = 1_800


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--again", action="store_true")
    (again if parser.parse_args().again else cold)()


def cold() -> None:
    subjects = {
        "single file": ("/app.py", (folder_of("flask") / "src" / "flask" / "app.py").read_bytes()),
        "express": ("/express.tgz", packed(folder_of("express"))),
        "flask": ("/flask.tgz", packed(folder_of("flask"))),
    }
    with _served(CACHE_BYTES="0", REUSE_REPORTS="no") as (http, site):
        for name, (path, body) in subjects.items():
            http.routes[path] = content(body)
            times = [_cost(site, http.url(path))[0] for _ in range(RUNS)]
            each = " ".join(f"{seconds:.2f}" for seconds in times)
            print(f"{name:12} median {statistics.median(times):5.2f} s   ({each})", flush=True)


def again() -> None:
    with _served() as (http, site):
        print(f"{'':34} {'wall s':>7} {'CPU s':>7}")
        for name in AGAIN:
            http.routes[f"/{name}.tgz"] = content(packed(folder_of(name)))
            _tell(f"{name}, first", [_cost(site, http.url(f"/{name}.tgz"))])
            _tell(f"{name}, again", [_cost(site, http.url(f"/{name}.tgz")) for _ in range(RUNS)])
        old, new = package("sdist", "django", "5.1.3"), package("sdist", "django", "5.1.4")
        http.routes["/old.tgz"], http.routes["/new.tgz"] = content(packed(old)), content(packed(new))
        _tell("Django 5.1.3, first", [_cost(site, http.url("/old.tgz"))])
        _tell("Django 5.1.4, after 5.1.3", [_cost(site, http.url("/new.tgz"))])
        _tell("Django 5.1.4, again", [_cost(site, http.url("/new.tgz")) for _ in range(RUNS)])


@contextmanager
def _served(**settings: str) -> Iterator[tuple[HttpServer, Site]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        HttpServer() as http,
        Site(Path(folder) / "instance", **settings) as site,
    ):
        yield http, site


def _cost(site: Site, url: str) -> tuple[float, float]:
    """Submit through the form and wait for the report; return the seconds by the wall and of CPU."""
    started, used = time.monotonic(), tree_cpu_seconds(site.process.pid)
    site.wait(site.submit(url), "done", seconds=PATIENCE)
    return time.monotonic() - started, tree_cpu_seconds(site.process.pid) - used


def _tell(name: str, costs: list[tuple[float, float]]) -> None:
    wall, cpu = (statistics.median(each) for each in zip(*costs, strict=True))
    print(f"{name:34} {wall:7.2f} {cpu:7.2f}", flush=True)


if __name__ == "__main__":
    main()
