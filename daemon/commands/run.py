"""`receiptwatch run`: the service itself, until SIGTERM."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop

from daemon import logs
from daemon.assembly.service import Service
from daemon.commands.options import DEFAULT_FILE, SettingsFile, refuse
from daemon.ledger.failures import LedgerError
from daemon.settings import SettingsError


def run(
    config: SettingsFile = DEFAULT_FILE,
    *,
    probing: Annotated[
        bool, typer.Option(help="Send probes; --no-probing only watches what was sent.")
    ] = True,
) -> None:
    """Run the service: probe, watch, judge, and show it until stopped (SIGHUP reloads)."""
    logs.setup()
    try:
        uvloop.run(Service(config).run(probing=probing))  # takes mail in half as fast again
    except (SettingsError, LedgerError, ValueError, OSError) as error:
        refuse(str(error))
