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
    """Ring for what waits when the site starts: the queue may have lost its messages while nobody was there."""
    # The first process does it, beside its answers: a database or a queue that is away delays no page.
    if worker.age == 1:
        threading.Thread(target=_wake, args=(worker.wsgi,), daemon=True).start()


def _wake(app):
    from tasks import sweep

    with app.app_context():
        try:
            sweep.wake()
        except Exception as error:
            app.logger.warning("nothing could be rung for: %s", error)
