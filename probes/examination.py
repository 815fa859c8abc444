"""All checks on one message: in this process, or in a worker that can be killed."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import probes.checks
from probes.catalogue import scan
from probes.check import Check, not_evaluable
from probes.letter import TooHostile, read_letter
from probes.observation import Finding, Specimen
from probes.public_suffix import organizational_domain
from probes.received import received_at
from probes.resolver import Resolver
from probes.worker import Worker, WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_THREADS = 24


@functools.cache
def all_checks() -> tuple[Check, ...]:
    """Every check in probes/checks, by name."""
    return tuple(scan(probes.checks, "CHECK", Check).values())


async def examine_all(specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    """Make every check in this process; raises nothing, a check that breaks is a finding."""
    inquiry = resolver.inquiry()
    groups = await asyncio.gather(*(_examine(c, specimen, inquiry) for c in all_checks()))
    return tuple(finding for group in groups for finding in group)


async def diagnose(
    raw: bytes, resolver: Resolver, trusted_hosts: Sequence[str], now: datetime | None = None
) -> tuple[Finding, ...]:
    """Make every check on a message from a file, in this process; `now` defaults to the clock."""
    specimen = specimen_of(raw, trusted_hosts, now or datetime.now(UTC))
    return await examine_all(specimen, resolver)


def specimen_of(
    raw: bytes, trusted_hosts: Sequence[str], now: datetime, *, truncated: bool = False
) -> Specimen:
    """The message with the time at which the provider had it, `now` where nothing tells."""
    try:
        arrived = received_at(read_letter(raw), trusted_hosts)
    except TooHostile:
        arrived = None
    return Specimen(raw, arrived or now, tuple(trusted_hosts), truncated)


async def _examine(check: Check, specimen: Specimen, resolver: Resolver) -> tuple[Finding, ...]:
    try:
        return await check.examine(specimen, resolver)
    except TooHostile as error:
        return (not_evaluable(check.name, f"The message is not parsed: {error}."),)
    except Exception as error:  # noqa: BLE001 - one check's defect must not cost the others
        reason = f"The check broke down on this message ({type(error).__name__})."
        return (not_evaluable(check.name, reason, error=str(error)[:500]),)


class Examiner:
    """Makes every check in a child process, one message at a time.

    A message that takes longer than `budget_s` costs the child its life; the next one starts a
    new child. `timeout_s` bounds one DNS look-up and is shortened where the budget demands it.
    """

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        port: int = 53,
        timeout_s: float = 5.0,
        budget_s: float = 10.0,
    ) -> None:
        # An inquiry waits for DNS at most twice as long, which must leave time to compute.
        dns_s = min(timeout_s, 0.3 * budget_s)
        settings = [list(nameservers), port, dns_s]
        self._worker = Worker("probes.examination:begin", settings, budget_s=budget_s)

    async def examine(self, specimen: Specimen) -> tuple[Finding, ...]:
        """Every check's findings; when the child is too slow or dies, findings that say so."""
        job = {
            "signed_at": specimen.signed_at.isoformat(),
            "trusted_hosts": specimen.trusted_hosts,
            "truncated": specimen.truncated,
        }
        try:
            answer = await self._worker.ask(job, specimen.raw)
        except WorkerError as error:
            return tuple(not_evaluable(c.name, f"Not evaluable: {error}.") for c in all_checks())
        return tuple(Finding.from_json(record) for record in answer)

    async def close(self) -> None:
        """End the child; a job in progress is waited for."""
        await self._worker.close()


def begin(settings: Sequence[Any]) -> Callable[[Mapping[str, Any], bytes], Any]:
    """What the worker runs: every check on the specimen that `job` describes."""
    resolver = Resolver(*settings)
    all_checks()
    organizational_domain("example.com")
    runner = asyncio.Runner()
    # Threads only wait for DNS here; the default would be six on a small machine.
    runner.get_loop().set_default_executor(ThreadPoolExecutor(_THREADS))

    def work(job: Mapping[str, Any], raw: bytes) -> Any:  # noqa: ANN401 - JSON
        specimen = Specimen(
            raw,
            datetime.fromisoformat(job["signed_at"]),
            tuple(job["trusted_hosts"]),
            job["truncated"],
        )
        findings = runner.run(examine_all(specimen, resolver))
        return [finding.as_json() for finding in findings]

    return work
