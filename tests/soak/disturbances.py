"""What goes wrong on a bad day, one function each."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from tests.servers.site import Site
from tests.servers.smtp import SmtpServer
from tests.soak.services import Clock, Disk, PostgreSQL, Redis

#: Seconds that a mail server, a disk or a clock stays out of order.
TROUBLE = 5.0
#: Seconds by which a clock is wrong.
OFF = 3600


@dataclass
class World:
    """Everything that can be disturbed."""

    site: Site
    smtp: SmtpServer
    lease: float
    random: random.Random
    #: None where the kind of soak has none, or where this machine lacks what it takes.
    redis: Redis | None = None
    postgresql: PostgreSQL | None = None
    disk: Disk | None = None
    clock: Clock | None = None

    def pick(self, pids: list[int]) -> list[int]:
        return [self.random.choice(pids)] if pids else []


def _kill(pids: list[int], number: int = signal.SIGKILL) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _workers(world: World) -> list[int]:
    """Return the Huey workers and the consumer that forked them; the consumer comes first."""
    return world.site.children("tasks.worker")


def kill_child(world: World) -> None:
    """Kill one process that parses files; the engine server comes first in the list and is spared."""
    _kill(world.pick(world.site.children("scanner.engine.server")[1:]))


def kill_engine(world: World) -> None:
    _kill(world.site.children("scanner.engine.server")[:1])


def kill_worker(world: World) -> None:
    _kill(world.pick(_workers(world)[1:]))


def kill_consumer(world: World) -> None:
    _kill(_workers(world)[:1])


def kill_site(world: World) -> None:
    _kill(world.pick(world.site.children("gunicorn")))


def kill_everything(world: World) -> None:
    """Kill the supervisor too, as a power cut does, and start again."""
    _kill([world.site.process.pid, *world.site.children("")])
    world.site.stop()
    world.site.start()


def stop_for_longer_than_a_lease(world: World) -> None:
    """Freeze a worker until another has taken its job, then let it go on in the belief that nothing happened."""
    pids = world.pick(_workers(world)[1:])
    _kill(pids, signal.SIGSTOP)
    thaw = threading.Timer(world.lease * 1.5, _kill, (pids, signal.SIGCONT))
    thaw.daemon = True
    thaw.start()


def flush_queue(world: World) -> None:
    """Lose all messages."""
    if world.redis:
        world.redis.flush()
    elif world.postgresql:
        with psycopg.connect(world.postgresql.url, autocommit=True) as connection:
            connection.execute("delete from huey_task")
            connection.execute("delete from huey_schedule")
    else:
        connection = sqlite3.connect(world.site.instance / "queue.sqlite", timeout=30)
        with connection:
            connection.execute("delete from task")
            connection.execute("delete from schedule")
        connection.close()


def restart_redis(world: World) -> None:
    if world.redis:
        world.redis.restart()


def restart_postgresql(world: World) -> None:
    if world.postgresql:
        world.postgresql.restart()


def refuse_mails(world: World) -> None:
    """Let the mail server refuse for a while: for now (4xx), or with a 5xx that passes."""
    world.smtp.refusal = world.random.choice(["451 try later", "554 not today", "421 closing"])
    threading.Timer(TROUBLE, lambda: setattr(world.smtp, "refusal", None)).start()


def hang_mails(world: World) -> None:
    """Let the mail server take longer for its answer than a lease lasts."""
    world.smtp.delay = world.lease + 3
    threading.Timer(TROUBLE, lambda: setattr(world.smtp, "delay", 0.0)).start()


def fill_disk(world: World) -> None:
    """Leave not a byte for databases, workspaces and reports."""
    if world.disk:
        with world.disk.full():
            time.sleep(TROUBLE)


def set_clock_wrong(world: World) -> None:
    """Set the clock of worker and site wrong by an hour, but not that of the database, which leases go by."""
    if world.clock:
        with world.clock.wrong_by(world.random.choice([OFF, -OFF])):
            time.sleep(2 * TROUBLE)


def remove_workspaces(world: World) -> None:
    """Lose the unpacked files of all scans."""
    folder = world.site.instance / "workspaces"
    for path in list(folder.iterdir()) if folder.exists() else []:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


#: Those that kill a process, after which the longest time to the next progress is measured.
KILLS: tuple[Callable[[World], None], ...] = (
    kill_child,
    kill_engine,
    kill_worker,
    kill_consumer,
    kill_site,
    kill_everything,
)
OTHERS: tuple[Callable[[World], None], ...] = (
    stop_for_longer_than_a_lease,
    flush_queue,
    restart_redis,
    restart_postgresql,
    refuse_mails,
    hang_mails,
    fill_disk,
    set_clock_wrong,
    remove_workspaces,
)


def all_of(world: World) -> list[Callable[[World], None]]:
    """Return the disturbances that this world can suffer; kills twice, as they are the likeliest."""
    needs: dict[Callable[[World], None], object] = {
        restart_redis: world.redis,
        restart_postgresql: world.postgresql,
        fill_disk: world.disk,
        set_clock_wrong: world.clock,
    }
    return [*KILLS, *KILLS, *(one for one in OTHERS if needs.get(one, True))]
