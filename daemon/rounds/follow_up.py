"""Sends the probes that are worth sending out of turn: where the standings are in doubt."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.ledger import probes
from daemon.rounds.parties import OPERATOR
from daemon.rulings.followup import Budget, followups
from daemon.rulings.schedule import Due

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.rounds.launch_probes import ProbeLauncher
    from daemon.rounds.surroundings import Surroundings
    from daemon.rounds.watch_standings import StandingWatcher
    from daemon.rulings.followup import Followup
    from daemon.rulings.schedule import Key, Pair


class FollowUp:
    """Launches what the watch would like to know, within every seed's cap."""

    def __init__(
        self,
        around: Surroundings,
        launcher: ProbeLauncher,
        watcher: StandingWatcher,
        *,
        pairs: Iterable[Pair],
        cap: int,
    ) -> None:
        self._ledger, self._clock = around.ledger, around.clock
        self._launcher, self._watcher, self._cap = launcher, watcher, cap
        self._pairs = {pair.key: pair for pair in pairs}

    async def run_once(self) -> list[Due]:
        """Begin what is due by now; the slot is the instant at which it was wished for."""
        lanes = list(self._watcher.watch.lanes.values())
        if not lanes:
            return []
        now = self._clock.now()
        async with self._ledger.read() as conn:
            budget = await self._budget(conn, now)
        wished = followups(lanes, now, budget, self._watcher.watch.thresholds)
        # every shop may wish for the same probe of the control route
        dues = {p.key: Due(p, f.at) for f in wished if f.at <= now and (p := self._pair(f))}
        self._launcher.begin(dues.values())
        return list(dues.values())

    async def _budget(self, conn: AsyncConnection, now: datetime) -> Budget:
        counts = await probes.planned_since(conn, now - timedelta(days=1))
        return Budget(self._as_shops_see(await probes.last_planned(conn)), counts, self._cap)

    def _as_shops_see(self, planned: Mapping[Key, datetime]) -> dict[Key, datetime]:
        """The operator's control route under every shop's name, as the watch knows it."""
        shops = {key[0] for key in self._pairs} - {OPERATOR}
        seen = dict(planned)
        for (shop, route, seed), at in planned.items():
            if shop == OPERATOR:
                seen |= {(other, route, seed): at for other in shops}
        return seen

    def _pair(self, followup: Followup) -> Pair | None:
        """The pair to launch; None for one that the settings no longer have."""
        own = self._pairs.get((followup.shop, followup.route, followup.seed))
        return own or self._pairs.get((OPERATOR, followup.route, followup.seed))
