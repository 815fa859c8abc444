"""What the ledger remembers can be replayed: the same code, other thresholds."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from daemon.rulings.observations import from_json
from tests.stories.programs import COMMAND, ENVIRONMENT, receiptwatch, until

if TYPE_CHECKING:
    from daemon.demo.stage import Stage


async def test_the_ledgers_history_is_what_replay_reads(on_stage: Stage) -> None:
    engine = on_stage.service.engine
    yahoo = [pair for pair in engine.pairs if pair.seed == "yahoo-1" and pair.route == "primary"]
    on_stage.world.providers["yahoo"].file_as_spam(route="primary")
    for _ in range(4):
        await engine.launcher.launch_now(yahoo)
    config = on_stage.world.settings_file

    async def all_known() -> list[str] | None:
        told = await receiptwatch("history", "--config", config)
        lines = told.out.splitlines()
        bad = [told for told in map(json.loads, lines) if told["verdict"] == "spam"]
        return lines if len(bad) >= 4 and all(told["spf"] for told in bad) else None

    lines: list[str] = await until(all_known)
    observations = [from_json(json.loads(line)) for line in lines]
    assert observations == sorted(observations, key=lambda o: o.at)
    assert all(o.spf == "pass" for o in observations if o.verdict == "spam")
    assert {o.shop for o in observations if o.route == "control"} == {"demo"}
    assert sys.executable in COMMAND
    replaying = await asyncio.create_subprocess_exec(
        *COMMAND, "replay", "--set", "open_at=.4", stdin=-1, stdout=-1, stderr=-1, env=ENVIRONMENT
    )
    out, err = await replaying.communicate("\n".join(lines).encode())
    assert replaying.returncode == 0, err.decode()
    assert f"{len(lines)} observations" in err.decode()
    assert {json.loads(line)["event"] for line in out.splitlines()} <= {"opened", "cause"}
