"""Submitting a scan through the form."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from webapp.extensions import db
from webapp.models import Scan

URL = "https://example.org/app-1.0.tar.gz"


def submit(client: FlaskClient, **fields: str) -> TestResponse:
    return client.post("/scans", data={"url": URL, "email": "", **fields})


def only_scan() -> Scan | None:
    return db.session.scalar(select(Scan))
