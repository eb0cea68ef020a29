"""How gunicorn runs the site; the address comes from HOST and PORT."""

import sys
import threading

# Not "import config": gunicorn would take the name for its own setting.
from config import BadSetting, load
from webapp import logs

try:
    settings = load()
except BadSetting as error:
    sys.exit(f"Cannot start: {error}")

host = settings["HOST"]
bind = f"[{host}]:{settings['PORT']}" if ":" in host else f"{host}:{settings['PORT']}"
workers = 2
# Pages wait for the disk and the database, not for the processor: a few threads in each worker keep one slow
# download from holding up the others.
threads = 8
worker_class = "gthread"
graceful_timeout = 5
keepalive = 5
# A form is small; the address of a report page is short.
limit_request_line = 8190
errorlog = "-"
loglevel = "warning"
logconfig_dict = logs.configuration(settings)


def post_worker_init(worker):
    """Ring for what waits when the site starts, and compile the templates: answers wait for neither."""
    threading.Thread(target=_begin, args=(worker.wsgi, worker.age == 1), daemon=True).start()


def _begin(app, first):
    # The queue may have lost its messages while nobody was there; one process rings for all.
    if first:
        _wake(app)
    # Else the first readers of a report wait for it.
    for name in app.jinja_env.list_templates(["html"]):
        app.jinja_env.get_template(name)


def _wake(app):
    from tasks import sweep

    with app.app_context():
        try:
            sweep.wake()
        except Exception as error:
            # A database or a queue that is away keeps no site from starting.
            app.logger.warning("nothing could be rung for: %s", error)
