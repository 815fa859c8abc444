"""`receiptwatch check`: settings, logins, spam folders, then one full round of real mail."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from daemon import __version__, logs
from daemon.assembly.engine import open_engine
from daemon.clock import Clock
from daemon.commands.options import (
    DEFAULT_FILE,
    NOT_SO,
    AsJson,
    SettingsFile,
    load_or_exit,
    print_json,
    refuse,
)
from daemon.commands.probe import all_visible, shown_round
from daemon.commands.tables import result_json
from daemon.ledger import mailboxes
from daemon.ledger.failures import LedgerError
from daemon.ledger.states import MailboxState
from daemon.metrics import Metrics
from probes.mailbox import Mailbox, MailboxError
from probes.oauth import OAuthError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.assembly.engine import Engine
    from daemon.rounds.full_round import Result
    from daemon.rounds.parties import Seed
    from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a seed's mailbox can be read, spam and all, and the sentence about it."""

    seed: str
    readable: bool
    said: str
    unseen: tuple[str, ...] = ()
    """What IMAP cannot show at this provider, in sentences."""


def check(
    config: SettingsFile = DEFAULT_FILE,
    *,
    send: Annotated[bool, typer.Option(help="Also send a full round of test receipts.")] = True,
    as_json: AsJson = False,
) -> None:
    """Try the settings, every login and one full round; exit 1 unless every receipt is seen."""
    logs.setup(level=logs.ERROR)
    settings = load_or_exit(config)
    try:
        proofs, results = asyncio.run(_check(settings, send=send, quiet=as_json))
    except (LedgerError, ValueError) as error:
        refuse(str(error))
    if as_json:
        listed = [result_json(result) for result in results]
        alerts = alerts_json(settings)
        inboxes = [asdict(proof) for proof in proofs]
        print_json({"inboxes": inboxes, "alerts": alerts, "probes": listed})
    well = all(proof.readable for proof in proofs) and (all_visible(results) or not send)
    raise typer.Exit(0 if well else NOT_SO)


async def _check(
    settings: Settings, *, send: bool, quiet: bool
) -> tuple[list[Proof], list[Result]]:
    screen = Console(quiet=quiet)
    screen.print("[green]✓[/] The settings are good.")
    _show_alerts(settings, screen)
    async with open_engine(settings, Clock(), Metrics(__version__)) as engine:
        screen.print("[green]✓[/] The ledger answers.")
        proofs = await asyncio.gather(*(prove(seed) for seed in engine.seeds))
        _show(proofs, screen)
        readable = {proof.seed for proof in proofs if proof.readable}
        await _resume(engine, readable)
        pairs = [pair for pair in engine.pairs if pair.seed in readable]
        return list(proofs), await shown_round(engine, pairs, screen) if send and pairs else []


def alerts_json(settings: Settings) -> dict[str, Any]:
    """Whom the settings let us tell, and what nobody would hear of."""
    contacts = [{"name": c.name, "channel": c.channel} for c in settings.alerts.contacts]
    gaps = list(settings.alerts.gaps(shop.name for shop in settings.shops))
    return {"contacts": contacts, "gaps": gaps}


def _show_alerts(settings: Settings, screen: Console) -> None:
    """The settings were refused if an alert could travel by what it complains about."""
    alerts = alerts_json(settings)
    for contact in alerts["contacts"]:
        said = f"{contact['name']} is told by {contact['channel']}, on a way of its own."
        screen.print(f"[green]✓[/] {said}", highlight=False)
    for gap in alerts["gaps"]:
        screen.print(f"[yellow]![/] {gap}", highlight=False)


async def _resume(engine: Engine, readable: Iterable[str]) -> None:
    """A mailbox that was left alone and can be read again is looked into again."""
    async with engine.around.ledger.write() as conn:
        for seed in readable:
            box = await mailboxes.load(conn, seed)
            if box and box.state is not MailboxState.OK:
                await mailboxes.resume(conn, seed, engine.around.clock.now())


async def prove(seed: Seed) -> Proof:
    """Log in to a seed and read its spam folder."""
    try:
        said = await asyncio.to_thread(_read_spam, seed)
    except (MailboxError, OAuthError) as error:
        return Proof(seed.name, readable=False, said=str(error))
    return Proof(seed.name, readable=True, said=said, unseen=seed.account.kind.unseen)


def _read_spam(seed: Seed) -> str:
    mailbox = Mailbox(seed.account, key=bytes(32))
    try:
        mailbox.open()
        return mailbox.prove_spam_readable()
    finally:
        mailbox.close()


def _show(proofs: Iterable[Proof], screen: Console) -> None:
    for proof in proofs:
        mark = "[green]✓[/]" if proof.readable else "[red]✗[/]"
        screen.print(f"{mark} {proof.seed}: {proof.said}", highlight=False)
    for sentence in sorted({sentence for proof in proofs for sentence in proof.unseen}):
        screen.print(f"[dim]· {sentence}[/]", highlight=False)
