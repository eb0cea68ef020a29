"""A bad setting stops the start and names the variable."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

import config


def settings(tmp_path: Path, **changes: str) -> dict[str, object]:
    return config.load({"INSTANCE": str(tmp_path), **changes})


def test_it_needs_no_setting_at_all(tmp_path: Path) -> None:
    values = settings(tmp_path)

    assert values["BASE_URL"] == "http://127.0.0.1:8000"
    assert values["DATABASE_URL"] == f"sqlite:///{tmp_path}/scanpost.sqlite"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "-1"),
        ("MAIL_USE_TLS", "perhaps"),
        ("PORT", "65536"),
        ("MAIL_DEFAULT_SENDER", "scanpost"),
        ("MAIL_DEFAULT_SENDER", "a@example.org\nBcc: b@example.org"),
        ("FETCH_CERTIFICATES", "/nowhere/ca.pem"),
        ("STORAGE_URL", "s3://bucket"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "postgresql://me:secret@host:port/scans"),
        ("QUEUE_URL", "sqlite:///"),
        ("QUEUE_URL", "redis://me:secret@host:70000/0"),
        ("BASE_URL", "scanpost.example"),
        ("BASE_URL", "https://"),
        ("FETCH_ALLOWED_NETWORKS", "10.0.0.0/33"),
        ("FETCH_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("DATABASE_URL", "oracle://db"),
        ("QUEUE_URL", "amqp://q"),
        ("LIMIT_UNPACKED_FILES", "many"),
        ("RETENTION_DAYS", "0"),
    ],
)
def test_it_refuses_a_value_that_cannot_be_used_and_names_it(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(config.BadSetting, match=name):
        settings(tmp_path, **{name: value})


def test_a_postgresql_server_that_went_without_a_word_is_soon_noticed(tmp_path: Path) -> None:
    values = settings(tmp_path, DATABASE_URL="postgresql://db.example/scans")

    patience = values["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]  # type: ignore[index]
    silent = patience["keepalives_idle"] + patience["keepalives_interval"] * patience["keepalives_count"]
    assert silent <= 15
    assert patience["tcp_user_timeout"] <= 15_000
    assert patience["connect_timeout"] <= 5


def test_two_kinds_of_tls_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(config.BadSetting, match="MAIL_USE_TLS and MAIL_USE_SSL"):
        settings(tmp_path, MAIL_USE_TLS="yes", MAIL_USE_SSL="yes")


def test_it_reads_networks(tmp_path: Path) -> None:
    values = settings(tmp_path, FETCH_ALLOWED_NETWORKS="10.1.0.0/16, ::1/128")

    assert values["FETCH_ALLOWED_NETWORKS"] == (
        ipaddress.ip_network("10.1.0.0/16"),
        ipaddress.ip_network("::1/128"),
    )


def test_limits_are_settings(tmp_path: Path) -> None:
    values = settings(tmp_path, LIMIT_UNPACKED_FILES="7")

    assert values["LIMITS"].unpacked_files == 7  # type: ignore[attr-defined]


def test_the_secret_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = settings(tmp_path)["SECRET_KEY"]

    assert settings(tmp_path)["SECRET_KEY"] == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_it_names_postgresql_by_its_driver(tmp_path: Path) -> None:
    values = settings(tmp_path, DATABASE_URL="postgresql://me@db/scans")

    assert values["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://me@db/scans"


def test_it_says_when_the_folder_cannot_be_made() -> None:
    with pytest.raises(config.BadSetting, match="INSTANCE"):
        config.load({"INSTANCE": "/dev/null/instance"})
