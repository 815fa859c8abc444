"""Takes in order mail with a real ledger, until its input ends; started by the benchmark `intake`.

Arguments: the ledger's URL and the port. Says "ready" once it listens.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from ipaddress import ip_network

import uvloop

from daemon import logs
from daemon.intake.server import Intake
from daemon.intake.terms import Limits, Listener, Shop, Terms
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.database import Ledger

SENDER, RECIPIENT = "orders@shop.example", "ada@customer.example"


async def serve(url: str, port: int) -> None:
    """One shop, known by its network, that relays."""
    shop = Shop(
        "shop",
        relays=True,
        senders=frozenset({"shop.example"}),
        networks=(ip_network("127.0.0.0/8"),),
    )
    terms = Terms(
        "intake.example",
        (Listener("127.0.0.1", port),),
        (shop,),
        Limits(connections=2_000, connections_per_ip=2_000),
    )
    ledger = await Ledger.open(url)
    await ledger.migrate()
    arrivals = Arrivals(ledger, routes={"shop": "primary"})
    intake = Intake(terms, arrivals.take, lambda: datetime.now(UTC))
    await intake.start()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await intake.close()
    await arrivals.close()
    await ledger.close()


if __name__ == "__main__":
    logs.setup(as_json=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
