"""The only SQL in the house: schema, migrations, one file per aggregate.

`Ledger` hands out connections; each aggregate is a module of functions that take one:

    async with ledger.write() as conn:
        if await probes.plan(conn, planned): ...
"""

from daemon.ledger.database import Ledger
from daemon.ledger.failures import LedgerError, LedgerFull

__all__ = ["Ledger", "LedgerError", "LedgerFull"]
