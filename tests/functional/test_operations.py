"""What the operator sees of a site that really runs."""

from __future__ import annotations

import requests

from tests import trees
from tests.servers.http import HttpServer, content
from tests.servers.site import Site


def test_a_site_that_runs_is_ready_and_counts(site: Site, http: HttpServer) -> None:
    before = _metrics(site)
    http.routes["/counted.tgz"] = content(trees.tar_gz({"counted/a.py": "# Copyright 2026 Counted\n"}))

    site.wait(site.submit(http.url("/counted.tgz")), "done")

    ready = requests.get(f"{site.url}/readyz", timeout=30)
    after = _metrics(site)
    assert ready.status_code == 200, ready.text
    assert ready.json()["sandboxes"]
    assert after["scanpost_workers"] == 1
    assert after["scanpost_scans_submitted_total"] >= before["scanpost_scans_submitted_total"] + 1
    name = 'scanpost_scans_ended_total{outcome="done"}'
    assert after[name] >= before.get(name, 0) + 1


def _metrics(site: Site) -> dict[str, float]:
    lines = requests.get(f"{site.url}/metrics", timeout=30).text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
