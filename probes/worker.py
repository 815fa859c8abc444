"""The child process of `probes.examination.Examiner`.

Reads jobs from standard input, each a line of JSON and then the raw message, and answers each
with a line of JSON on standard output. Its first line says that it is ready.
"""

from __future__ import annotations

import asyncio
import json
import math
import resource
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from probes.examination import all_checks, examine_all
from probes.observation import Specimen
from probes.public_suffix import organizational_domain
from probes.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_MEMORY = 2 * 1024**3
"""Address space, in bytes; a working child needs about a quarter."""
_GRACE_S = 5
_THREADS = 24


def main(settings: str) -> None:
    """Serve until standard input ends."""
    nameservers, port, timeout_s, budget_s = json.loads(settings)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resolver = Resolver(nameservers, port, timeout_s)
    all_checks()
    organizational_domain("example.com")
    _answer("ready")
    with asyncio.Runner() as runner:
        # Threads only wait for DNS here; the default would be six on a small machine.
        runner.get_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        while line := sys.stdin.buffer.readline():
            # Should the parent be gone, nobody else ends a job that runs away.
            signal.alarm(math.ceil(budget_s) + _GRACE_S)
            findings = runner.run(examine_all(_specimen(json.loads(line)), resolver))
            signal.alarm(0)
            _answer([finding.as_json() for finding in findings])


def _specimen(job: Mapping[str, Any]) -> Specimen:
    return Specimen(
        raw=sys.stdin.buffer.read(job["size"]),
        signed_at=datetime.fromisoformat(job["signed_at"]),
        trusted_hosts=tuple(job["trusted_hosts"]),
        truncated=job["truncated"],
    )


def _answer(value: object) -> None:
    sys.stdout.buffer.write(json.dumps(value).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
