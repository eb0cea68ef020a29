"""The site: ``create_app`` and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import config

ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Build the application from ``settings``, by default those of the environment. Raise config.BadSetting."""
    from tasks.queue import queue
    from webapp import cli, filters, ratelimits, security, uploads, views
    from webapp.extensions import csrf, db, mail, migrate

    app = Flask(__name__, template_folder=str(ROOT / "templates"))
    app.request_class = uploads.Request
    app.config.from_mapping(config.load() if settings is None else settings)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}

    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    mail.init_app(app)
    queue.init_app(app)
    ratelimits.init_app(app)
    security.harden(app)
    filters.register(app)
    views.register(app)
    # After the views: what they look at before a form is read must come before CSRF protection reads it.
    csrf.init_app(app)
    cli.register(app)
    if hops := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    return app
