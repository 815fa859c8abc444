"""Everything that one set of settings makes run: opened together, closed together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.assembly.alerting import Alarm, open_alarm
from daemon.assembly.keys import Keys
from daemon.assembly.order_mail import OrderMail, open_order_mail
from daemon.assembly.parties import Parties
from daemon.assembly.refresh_store import LedgerRefreshStore
from daemon.ledger.database import Ledger
from daemon.rounds.follow_up import FollowUp
from daemon.rounds.full_round import FullRound
from daemon.rounds.judge import Judge
from daemon.rounds.launch_probes import ProbeLauncher
from daemon.rounds.parties import pairs_of
from daemon.rounds.read_mailboxes import MailboxReader
from daemon.rounds.surroundings import Surroundings
from daemon.rounds.sweep import Sweeper
from daemon.rounds.watch_standings import StandingWatcher
from daemon.rulings import alerting
from daemon.rulings.schedule import Cadence
from daemon.rulings.thresholds import Thresholds
from probes.examination import Examiner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from daemon.clock import Clock
    from daemon.metrics import Metrics
    from daemon.rounds.parties import Route, Seed
    from daemon.rulings.schedule import Pair
    from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Engine:
    """The rooms of one running configuration."""

    settings: Settings
    around: Surroundings
    routes: tuple[Route, ...]
    seeds: tuple[Seed, ...]
    launcher: ProbeLauncher
    readers: dict[str, MailboxReader]
    judge: Judge
    sweeper: Sweeper
    watcher: StandingWatcher
    follow_up: FollowUp
    alarm: Alarm
    order_mail: OrderMail

    @property
    def pairs(self) -> list[Pair]:
        """Every route with every seed."""
        return pairs_of(self.routes, self.seeds)

    def expect_metrics(self) -> None:
        """Initialise every label set that the settings allow."""
        metrics, cap = self.around.metrics, self.settings.cadence.per_seed_per_day
        providers = sorted({seed.provider for seed in self.seeds})
        for route in self.routes:
            metrics.expect_route(route.shop, route.name, providers)
        for seed in self.seeds:
            metrics.expect_seed(seed.name, seed.provider, cap)
        for contact in self.settings.alerts.contacts:
            metrics.expect_channel(contact.channel, alerting.Kind)
        for shop in self.settings.shops:
            metrics.mail.expect(shop.name, [route.name for route in shop.routes])

    @property
    def full_round(self) -> FullRound:
        """A round at once, for `check` and `probe --now`."""
        return FullRound(self.around, self.launcher, self.readers, self.judge, self.sweeper)


@asynccontextmanager
async def open_engine(settings: Settings, clock: Clock, metrics: Metrics) -> AsyncIterator[Engine]:
    """Open the ledger, migrate it, and build the rooms; raises LedgerError or ValueError."""
    keys = Keys.of(settings)
    async with AsyncExitStack() as stack:
        ledger = await Ledger.open(settings.read_database_url().get_secret_value())
        stack.push_async_callback(ledger.close)
        await ledger.migrate()
        parties = _parties(settings, keys, ledger, clock)
        routes, seeds = tuple(parties.routes()), tuple(parties.seeds())
        examiner = _examiner(settings)
        stack.push_async_callback(examiner.close)
        # every mailbox may wait in IDLE at once, and an interrupted one still has to be closed
        threads = ThreadPoolExecutor(2 * len(seeds) + 2, thread_name_prefix="mailbox")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        around = Surroundings(ledger, clock, metrics)
        deadline = settings.cadence.deadline
        readers = {
            seed.name: MailboxReader(
                seed, around, key=keys.tokens, deadline=deadline, threads=threads
            )
            for seed in seeds
        }
        stack.push_async_callback(_close_all, readers.values())
        launcher = ProbeLauncher(
            around,
            key=keys.tokens,
            routes=routes,
            seeds=seeds,
            cadence=_cadence(settings),
            deadline=deadline,
            expect=lambda seed: readers[seed].expect(),
        )
        stack.push_async_callback(launcher.close)
        watcher = StandingWatcher(
            around,
            shops=[shop.name for shop in settings.shops],
            thresholds=Thresholds().with_(deadline_min=deadline.total_seconds() / 60),
        )
        cap = settings.cadence.per_seed_per_day
        alarm = await stack.enter_async_context(open_alarm(settings, around))
        order_mail = await stack.enter_async_context(
            open_order_mail(settings, keys, around, routes, parties.bounce_accounts())
        )
        yield Engine(
            settings=settings,
            around=around,
            routes=routes,
            seeds=seeds,
            launcher=launcher,
            readers=readers,
            judge=Judge(around, examiner, _trusted(seeds)),
            sweeper=Sweeper(around, deadline=deadline),
            watcher=watcher,
            follow_up=FollowUp(around, launcher, watcher, pairs=pairs_of(routes, seeds), cap=cap),
            alarm=alarm,
            order_mail=order_mail,
        )


def _parties(settings: Settings, keys: Keys, ledger: Ledger, clock: Clock) -> Parties:
    loop = asyncio.get_running_loop()

    def store(account: str) -> LedgerRefreshStore:
        return LedgerRefreshStore(ledger, clock, keys.credentials, account, loop)

    return Parties(settings, keys.fingerprints, store, clock.now)


def _examiner(settings: Settings) -> Examiner:
    dns = settings.dns
    return Examiner(dns.nameservers, dns.port, dns.timeout.total_seconds())


def _cadence(settings: Settings) -> Cadence:
    told = settings.cadence
    every = {"primary": told.primary, "fallback": told.fallback, "control": told.control}
    return Cadence(every, told.jitter, told.per_seed_per_day)


def _trusted(seeds: Iterable[Seed]) -> dict[str, tuple[str, ...]]:
    return {seed.name: seed.account.trusted_hosts for seed in seeds}


async def _close_all(readers: Iterable[MailboxReader]) -> None:
    await asyncio.gather(*(reader.close() for reader in readers))
