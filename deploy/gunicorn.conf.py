"""How gunicorn serves the site in production: `python -m gunicorn --config deploy/gunicorn.conf.py 'app:create_app()'`.

SITE_BIND, SITE_WORKERS and SITE_THREADS may be set in the environment; the rest has its reasons below.
"""

import gc
import os
from pathlib import Path

from prometheus_client import multiprocess

bind = os.environ.get("SITE_BIND", "127.0.0.1:8000").split(",")
workers = int(os.environ.get("SITE_WORKERS") or os.cpu_count() or 1)
worker_class = "gthread"
# With eight, a worker under load spends its time handing Python's lock from one thread to the next.
threads = int(os.environ.get("SITE_THREADS") or 4)

# Kept-alive connections of the front server stay with the worker that took them. Each takes no more than it has threads for
# and as many again waiting; what comes then goes to another. deploy/nginx/site.conf opens its connections anew every 200 requests.
worker_connections = threads * 2
keepalive = 15  # longer than nginx' keepalive_timeout to us, so that it is nginx that closes
backlog = 2048

# The settings, the schemes and the database are looked at once, in the parent, before anybody is answered; a worker that is
# replaced in the middle of a day then starts whatever the database is doing.
preload_app = True
max_requests = 20_000  # PDFs leave memory behind
max_requests_jitter = 4_000  # not all of them at the same time
timeout = 60
graceful_timeout = 30

# One log, by way of the site's own: an access log would name addresses, and an address may be a pass.
logger_class = "blueprints.web.logs.GunicornLog"
accesslog = None
control_socket_disable = True
worker_tmp_dir = (
    "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
)  # the heartbeat never waits for a disk

_figures = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")


def on_starting(_server):
    """Figures of an earlier start are not this one's."""
    if _figures:
        Path(_figures).mkdir(parents=True, exist_ok=True)
        for file in Path(_figures).glob("*.db"):
            file.unlink()


def post_fork(_server, _worker):
    """What was loaded before is looked at by no collection, and a collection waits for more than one request's worth of objects."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def child_exit(_server, worker):
    """A worker that has gone holds no connections; what it counted stays counted."""
    if _figures:
        multiprocess.mark_process_dead(worker.pid)
