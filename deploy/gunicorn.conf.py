"""How gunicorn runs the site; the address comes from HOST and PORT."""

import sys

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
