"""The running service: one engine under supervision, two web servers, signals and reloads."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from daemon import __version__
from daemon.assembly import views
from daemon.assembly.engine import open_engine
from daemon.assembly.loops import add_loops
from daemon.assembly.sockets import Sockets, open_sockets, places, url
from daemon.clock import Clock
from daemon.console.api import ApiRoom
from daemon.console.exposition import Vitals, exposition
from daemon.console.pages import console
from daemon.console.server import serve, server
from daemon.ledger import mailboxes
from daemon.ledger.failures import LedgerError
from daemon.metrics import Metrics
from daemon.settings import SettingsError, load
from daemon.supervision import Supervisor, notify_systemd

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import datetime
    from pathlib import Path

    from daemon.assembly.engine import Engine
    from daemon.console.pages import Status
    from daemon.rulings.overview import Outcome
    from daemon.settings import Settings

log = structlog.get_logger()

WATCHDOG_EVERY_S = 10


class Service:
    """Runs until told to stop; a reload swaps the engine and keeps the web servers."""

    def __init__(self, settings_file: Path, clock: Clock | None = None) -> None:
        self._file = settings_file
        self._clock = clock or Clock()
        self.metrics = Metrics(__version__)
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._supervisor: Supervisor | None = None
        self._engine: Engine | None = None
        self._sockets: Sockets | None = None
        self._probing = True

    def now(self) -> datetime:
        """The time that it lives by."""
        return self._clock.now()

    @property
    def engine(self) -> Engine:
        """What runs now; raises RuntimeError before the start and after the end."""
        if self._engine is None:
            raise RuntimeError("the service is not running")
        return self._engine

    async def run(self, *, probing: bool = True, started: asyncio.Event | None = None) -> None:
        """Serve until `stop`; raises SettingsError, LedgerError or OSError when it cannot begin."""
        self._probing = probing
        settings = await asyncio.to_thread(load, self._file)
        with contextlib.ExitStack() as stack:
            self._sockets = open_sockets(settings, stack)
            await self._start(settings)
            try:
                await self._serve(self._sockets.web(), started)
            finally:
                notify_systemd("STOPPING=1")
                await self._end()

    def stop(self) -> None:
        """Begin the graceful end."""
        self._stop.set()

    async def reload(self) -> str | None:
        """Load the settings file again; None, or why the old settings stay in force."""
        async with self._reloading:
            try:
                settings = await asyncio.to_thread(load, self._file)
                await self._swap(settings)
            except (SettingsError, LedgerError, ValueError, OSError) as error:
                self.metrics.reloaded(ok=False, at=self._clock.now())
                log.warning("reload refused; the old settings stay", why=str(error))
                return str(error)
            log.info("settings reloaded")
            return None

    async def _serve(self, listen: list[socket.socket], started: asyncio.Event | None) -> None:
        apps = console(self._status, self._api_room()), exposition(self._vitals())
        servers = [server(app) for app in apps]
        serving = [
            asyncio.create_task(serve(instance, sock))
            for instance, sock in zip(servers, listen, strict=True)
        ]
        with _signals(self.stop, self.reload):
            log.info(
                "running",
                **{n: url(s) for n, s in zip(("console", "metrics"), listen, strict=True)},
            )
            notify_systemd("READY=1")
            if started:
                started.set()
            await self._stop.wait()
        for instance in servers:
            instance.should_exit = True
        await asyncio.gather(*serving)

    async def _start(self, settings: Settings) -> None:
        self._engine = await self._stack.enter_async_context(
            open_engine(settings, self._clock, self.metrics)
        )
        await self._supervise(self._engine)

    async def _end(self) -> None:
        await self._quiet()
        await self._stack.aclose()
        self._supervisor = self._engine = None

    async def _swap(self, settings: Settings) -> None:
        """The new engine is open before the old one ends, so that a bad one changes nothing."""
        if places(settings) != places(self.engine.settings):
            raise ValueError(
                "`listen` and the addresses of `intake` change with a restart only; nothing was "
                "reloaded"
            )
        async with AsyncExitStack() as new:
            engine = await new.enter_async_context(open_engine(settings, self._clock, self.metrics))
            await self._quiet()
            old, self._stack, self._engine = self._stack, new.pop_all(), engine
            await old.aclose()
        self.metrics.forget_gauges()
        await self._supervise(engine)

    async def _quiet(self) -> None:
        """Take nothing more in, and let every loop end what it has in hand, for 15 seconds."""
        ending = []
        if self._engine and self._engine.order_mail.intake:
            ending.append(self._engine.order_mail.intake.close())
        if self._supervisor:
            ending.append(self._supervisor.stop())
        await asyncio.gather(*ending)  # at the same time: neither waits for the other

    async def _supervise(self, engine: Engine) -> None:
        engine.expect_metrics()
        self._supervisor = self._supervised(engine)
        self._supervisor.start()
        if engine.order_mail.intake and self._sockets:
            await engine.order_mail.intake.start(self._sockets.mail_copies())
        self.metrics.reloaded(ok=True, at=self._clock.now())

    def _supervised(self, engine: Engine) -> Supervisor:
        beats = self.metrics.heartbeat
        supervisor = Supervisor(
            self._clock,
            lambda name: beats.labels(name).set(self._clock.now().timestamp()),
            troubles=(LedgerError,),
        )
        add_loops(supervisor, engine, probing=self._probing)
        supervisor.every(WATCHDOG_EVERY_S, "watchdog", self._watchdog)
        return supervisor

    async def _watchdog(self) -> None:
        if self._supervisor and not self._supervisor.stalled():
            notify_systemd("WATCHDOG=1")

    def _vitals(self) -> Vitals:
        return Vitals(
            metrics=self.metrics,
            refresh=self._refresh,
            stalled=self._stalled,
            ready=self._ready,
            reload=self.reload,
            last=self._last,
        )

    def _stalled(self) -> list[str]:
        """What makes the service unhealthy: loops, and a disk that takes no more mail."""
        if self._supervisor is None:
            return ["engine"]
        full = self.engine.order_mail.intake and self.engine.order_mail.disk.low()
        return [*self._supervisor.stalled(), *(["disk nearly full"] if full else [])]

    def _api_room(self) -> ApiRoom:
        return ApiRoom(lambda: self.engine.around.ledger, self._clock.now, self._api_token)

    def _api_token(self) -> str | None:
        token = self.engine.settings.read_api_token()
        return token.get_secret_value() if token else None

    async def _refresh(self) -> None:
        try:
            await views.refresh(self.engine)
        except LedgerError as error:  # the other metrics are wanted now more than ever
            log.warning("gauges not brought up to date", why=str(error))

    async def _status(self) -> Status:
        return await views.status(self.engine)

    async def _last(self, target: str) -> Outcome | None:
        return await views.last_settled(self.engine, target)

    async def _ready(self) -> str | None:
        try:
            async with self.engine.around.ledger.read() as conn:
                await mailboxes.all(conn)
        except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
            return f"The ledger does not answer: {error}"
        return None


@contextlib.contextmanager
def _signals(
    stop: Callable[[], None], reload: Callable[[], Coroutine[None, None, str | None]]
) -> Iterator[None]:
    """SIGTERM and SIGINT stop, SIGHUP reloads; outside the main thread nothing is caught."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[str | None]] = set()

    def reload_soon() -> None:
        task = loop.create_task(reload())
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload_soon}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
