"""The files for service managers, containers, proxies and monitoring say what the code does."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

import config
from tests.webapp.operations import a_worker, migrated
from webapp import counters, metrics
from webapp.views.other_ways import FRAMING

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


class _Unit(configparser.RawConfigParser):
    """A unit file, whose names count capitals and may come twice."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service(name: str) -> dict[str, str]:
    unit = _Unit(strict=False)
    unit.read(DEPLOY / name)
    return dict(unit["Service"])


def make_commands() -> str:
    return (ROOT / "Makefile").read_text().replace("$(BIN)/", "")


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.mark.parametrize(("name", "target"), [("scanpost-web.service", "web"), ("scanpost-worker.service", "worker")])
def test_a_unit_starts_what_make_starts(name: str, target: str) -> None:
    command = service(name)["ExecStart"].removeprefix("/opt/scanpost/.venv/bin/")

    assert re.search(rf"^{target}:.*(\n\t.*)*\n\t@exec {re.escape(command)}$", make_commands(), re.M)
    assert compose()["services"][target]["command"] == shlex.split(command)


def test_the_unit_of_the_site_migrates_first() -> None:
    assert service("scanpost-web.service")["ExecStartPre"].endswith("-m flask --app wsgi db upgrade")
    assert compose()["services"]["migrate"]["command"] == shlex.split("python -m flask --app wsgi db upgrade")


@pytest.mark.parametrize("name", [unit.name for unit in UNITS])
def test_a_unit_gives_up_what_it_does_not_need(name: str) -> None:
    values = service(name)

    assert values["NoNewPrivileges"] == "yes"
    assert values["ProtectSystem"] == "strict"
    assert values["CapabilityBoundingSet"] == ""
    assert values["UMask"] == "0077"
    assert values["User"] == "scanpost"


def test_the_worker_keeps_what_its_sandbox_is_made_of() -> None:
    values = service("scanpost-worker.service")

    assert {"user", "net"} <= set(values["RestrictNamespaces"].split())
    for call in ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"):
        assert call in values["SystemCallFilter"].split()
    # One file that takes too much memory must not stop the worker.
    assert values["OOMPolicy"] == "continue"


@pytest.mark.parametrize("name", ["scanpost-web.service", "scanpost-worker.service"])
def test_a_stop_leaves_time_to_end_and_kills_only_what_is_left(name: str) -> None:
    values = service(name)

    assert values["KillMode"] == "mixed"
    # The supervisor gives its workers 10 seconds, and the engine as many.
    assert int(values["TimeoutStopSec"]) >= 20
    assert values["Restart"] == "always"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in (*UNITS, DEPLOY / "scanpost-backup.timer"):
        text = unit.read_text().replace("/opt/scanpost/.venv/bin/python", "/bin/true")
        text = re.sub(r"^(User|Group)=.*", r"\1=root", text, flags=re.M)
        (tmp_path / unit.name).write_text(text.replace("/opt/scanpost", str(ROOT)))

    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))], capture_output=True, text=True
    )

    ours = [line for line in result.stderr.splitlines() if "scanpost" in line]
    assert not ours


def test_every_name_in_the_example_of_settings_is_a_setting() -> None:
    names = re.findall(r"^#?([A-Z_]+)=", (DEPLOY / "scanpost.env").read_text(), re.M)

    assert set(names) <= {setting.name for setting in config.SETTINGS}
    assert {"BASE_URL", "TRUSTED_PROXIES", "MAIL_SERVER"} <= set(names)


def test_the_example_of_settings_can_be_used(tmp_path: Path) -> None:
    lines = [line for line in (DEPLOY / "scanpost.env").read_text().splitlines() if re.match("[A-Z]", line)]
    example = dict(line.split("=", 1) for line in lines)

    assert config.load({**example, "INSTANCE": str(tmp_path)})["BASE_URL"] == "https://scan.example.org"


def test_the_containers_get_settings_that_exist() -> None:
    services = compose()["services"]

    names = {name for part in ("web", "worker", "migrate") for name in services[part]["environment"]}
    assert names <= {setting.name for setting in config.SETTINGS}
    assert services["web"]["environment"] == services["worker"]["environment"]
    assert services["web"]["volumes"] == services["worker"]["volumes"]


def test_the_containers_can_write_only_where_they_must() -> None:
    for part in ("web", "worker", "migrate"):
        values = compose()["services"][part]
        assert values["read_only"] is True
        assert values["cap_drop"] == ["ALL"]
        assert values["security_opt"] == ["no-new-privileges:true"]


def test_what_the_containers_depend_on_and_mount_is_there() -> None:
    whole = compose()
    for values in whole["services"].values():
        assert set(values.get("depends_on", {})) <= set(whole["services"])
        for volume in values.get("volumes", []):
            assert volume.split(":")[0] in whole["volumes"]


def test_the_image_holds_all_packages_and_nothing_that_is_missing() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.M) for name in line.split()}

    assert all((ROOT / name).exists() for name in copied)
    packages = {"config.py", "wsgi.py", "scanner", "reports", "tasks", "webapp", "templates", "migrations", "deploy"}
    assert packages <= copied
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied <= kept
    # The packages that the code imports from its own folder.
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert folders <= copied


def test_the_image_does_not_run_as_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text()

    assert text.index("USER scanpost") < text.index('CMD ["python", "-m"')


def test_the_proxy_tells_who_asks_and_keeps_the_operators_pages_back() -> None:
    text = (DEPLOY / "nginx.conf").read_text()

    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in text
    (guarded,) = re.findall(r"location ~ (\S+) \{[^}]*deny all;", text)
    for page in ("/metrics", "/readyz", "/operator"):
        assert re.search(guarded, page)
    assert not re.search(guarded, "/healthz")


def test_the_proxy_lets_through_what_the_site_takes(app: Flask) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    limits = app.config["LIMITS"]
    megabytes = [int(number) for number in re.findall(r"client_max_body_size (\d+)m;", text)]

    pasted, sent = (number * 2**20 for number in megabytes)
    assert pasted >= 3 * limits.pasted_bytes + FRAMING
    assert sent >= limits.download_bytes + FRAMING
    (upload,) = re.findall(r"location = /other-ways/upload \{([^}]*)\}", text)
    # Or the proxy would take all of it before the site can say that it is full.
    assert "proxy_request_buffering off;" in upload
    assert "limit_conn" in upload


def test_every_alarm_is_about_a_metric_that_exists_and_is_explained(app: Flask, client: FlaskClient) -> None:
    migrated()
    a_worker()
    for name, (_, labels, _meaning) in metrics.COUNTERS.items():
        counters.note({(name, "a/b" if labels and "/" in labels else "a" if labels else ""): 1})
    counters.note({**counters.duration("stage", "fetch", 1), **counters.duration("answer", "", 1)})
    told = client.get("/metrics").text
    manual = (ROOT / "docs" / "OPERATIONS.md").read_text()

    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"][0]["rules"]

    assert rules
    for rule in rules:
        for name in re.findall(r"scanpost_\w+", rule["expr"]):
            assert re.search(rf"^{name}[ {{]", told, re.M), name
        assert f"`{rule['alert']}`" in manual


def test_every_metric_is_explained(app: Flask, client: FlaskClient) -> None:
    migrated()
    a_worker()
    manual = (ROOT / "docs" / "OPERATIONS.md").read_text()

    families = re.findall(r"^# HELP (\w+) ", client.get("/metrics").text, re.M)

    assert [name for name in families if f"`{name.removesuffix('_total')}" not in manual] == []
