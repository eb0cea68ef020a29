"""The site, for a WSGI server: ``gunicorn wsgi:app``."""

from __future__ import annotations

import sys

import config
from webapp import create_app, logs

try:
    app = create_app()
    logs.set_up(app.config)
except config.BadSetting as error:
    sys.exit(f"Cannot start: {error}")
