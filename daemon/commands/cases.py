"""How a receipt and its story look in a terminal, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from daemon.commands.screen import marked, plain, when
from daemon.lifecycles.order_mail import MailState
from daemon.rulings.timeline import STANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from daemon.desk import Case
    from daemon.ledger.attempts import Past
    from daemon.rulings.timeline import Step

COLOURS = {
    MailState.AT_RISK: "yellow",
    MailState.HELD: "red",
    MailState.IN_DOUBT: "red",
    MailState.BOUNCED: "red",
    MailState.SUPPRESSED: "yellow",
    MailState.ABANDONED: "red",
    MailState.CONFIRMED: "green",
}
NEXT_STEP = "Have it sent again: receiptwatch mail resend {mail}"

Search = Annotated[
    str,
    typer.Option(help="Only where this stands in the address, number, subject or Message-ID."),
]
InState = Annotated[MailState | None, typer.Option("--state", help="Only receipts that are so.")]


def badge(state: MailState) -> str:
    """A mail's state in a table; its word stands beside its colour."""
    word = state.replace("_", " ")
    return f"[{COLOURS[state]}]{word}[/]" if state in COLOURS else word


def show_case(screen: Console, case: Case) -> None:
    """One receipt: whom it is for, how it stands, and its story with the SMTP behind it."""
    mail, message = case.mail, case.message
    screen.print(f"[bold]To {marked(mail.recipient)}[/]  {marked(message.subject)}  ({mail.id})")
    why = f" {marked(mail.why)}" if mail.why else ""
    screen.print(f"{_coloured(mail.state)}.{why}")
    screen.print(_story(case.steps(when)))
    if mail.state in {MailState.HELD, MailState.IN_DOUBT}:
        screen.print(f"  {NEXT_STEP.format(mail=mail.id)}")


def _story(steps: Sequence[Step]) -> Table:
    """The words of each step, and behind them, dim, what the protocol said."""
    story = Table.grid(padding=(0, 0, 0, 2))
    for step in steps:
        story.add_row(when(step.at), marked(step.said))
        if step.raw:
            story.add_row("", Text(f"  {plain(step.raw)}", style="dim"))
    return story


def case_json(case: Case) -> dict[str, Any]:
    """The same as a JSON object, with the ledger's own rows."""
    mail = asdict(case.mail)
    return mail | {
        "stands": STANDS[case.mail.state],
        "message": _without_digest(asdict(case.message)),
        "steps": [asdict(step) for step in case.steps(when)],
        "attempts": [_past_json(past) for past in case.past],
        "bounces": [_without_digest(asdict(row)) for row in case.returns],
    }


def _past_json(past: Past) -> dict[str, Any]:
    return asdict(past.attempt) | {"tries": [asdict(one) for one in past.tries]}


def _without_digest(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"sha256": row["sha256"].hex()}


def _coloured(state: MailState) -> str:
    colour = COLOURS.get(state, "bold")
    return f"[{colour}]{STANDS[state]}[/]"
