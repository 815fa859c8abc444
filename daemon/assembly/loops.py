"""Which loops a running engine has, and how often they come round."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.assembly.engine import Engine
    from daemon.rounds.bounce_mailboxes import BounceMailbox
    from daemon.rounds.read_mailboxes import MailboxReader
    from daemon.supervision import Supervisor

LAUNCH_EVERY_S = 5
JUDGE_EVERY_S = 1
SWEEP_EVERY_S = 2
WATCH_EVERY_S = 2
NOTIFY_EVERY_S = 2
READ_EVERY_S = 1
LOOK_UP_EVERY_S = 5
WATCH_ROUTES_EVERY_S = 15
FORGET_EVERY_S = 3_600
READER_ALLOWED_S = 300
"""A look and a wait take a minute; IMAP's own time-outs end anything longer."""
SENDER_ALLOWED_S = 120
"""It comes round every second, unless the database keeps it."""


def add_loops(supervisor: Supervisor, engine: Engine, *, probing: bool) -> None:
    """Every loop of the engine."""
    if probing:
        supervisor.every(LAUNCH_EVERY_S, "launch", lambda: engine.launcher.run_once(engine.pairs))
        supervisor.every(LAUNCH_EVERY_S, "follow up", engine.follow_up.run_once)
    supervisor.every(JUDGE_EVERY_S, "judge", engine.judge.run_once)
    supervisor.every(SWEEP_EVERY_S, "sweep", engine.sweeper.run_once)
    supervisor.every(WATCH_EVERY_S, "watch", engine.watcher.run_once)
    _add_alarm(supervisor, engine)
    _add_order_mail(supervisor, engine)
    _add_readers(supervisor, engine)


def _add_alarm(supervisor: Supervisor, engine: Engine) -> None:
    supervisor.every(NOTIFY_EVERY_S, "notify", engine.alarm.notifier.run_once)
    if heartbeat := engine.alarm.heartbeat:
        every = engine.settings.alerts.heartbeat_every.total_seconds()
        supervisor.every(every, "heartbeat", lambda: heartbeat.run_once(supervisor.stalled()))


def _add_order_mail(supervisor: Supervisor, engine: Engine) -> None:
    post = engine.order_mail
    sending = partial(post.sender.run, partial(supervisor.pulse, "send mail"))
    supervisor.forever("send mail", sending, allowed_s=SENDER_ALLOWED_S)
    supervisor.every(READ_EVERY_S, "read orders", post.reader.run_once)
    supervisor.every(READ_EVERY_S, "read bounces", post.returns.round.run_once)
    for box in post.returns.mailboxes:
        _add_mailbox(supervisor, box.name, box)
    supervisor.every(WATCH_ROUTES_EVERY_S, "watch routes", post.watcher.run_once)
    supervisor.every(LOOK_UP_EVERY_S, "look up addresses", post.look_up.run_once)


def _add_readers(supervisor: Supervisor, engine: Engine) -> None:
    retention = engine.settings.retention
    forget = partial(engine.sweeper.forget, retention.messages, retention.probes)
    supervisor.every(FORGET_EVERY_S, "forget", forget)
    for seed, reader in engine.readers.items():
        _add_mailbox(supervisor, seed, reader)


def _add_mailbox(supervisor: Supervisor, which: str, reader: MailboxReader | BounceMailbox) -> None:
    name = f"read {which}"
    loop = partial(reader.run, partial(supervisor.pulse, name))
    supervisor.forever(name, loop, allowed_s=READER_ALLOWED_S)
