"""The child process of `probes.worker.Worker`.

What it runs is a function named "module:function" that takes the settings once and returns
`work(job, raw)`; job, answer and settings are JSON. Jobs come on standard input, each a line of
JSON and then the raw bytes; each is answered with a line of JSON on standard output. The first
line says that it is ready.
"""

from __future__ import annotations

import importlib
import json
import math
import resource
import signal
import sys

_GRACE_S = 5


def main(orders: str) -> None:
    """Serve until standard input ends."""
    begin, settings, budget_s, memory = json.loads(orders)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    module, _, function = begin.partition(":")
    work = getattr(importlib.import_module(module), function)(settings)
    _answer("ready")
    while line := sys.stdin.buffer.readline():
        # Should the parent be gone, nobody else ends a job that runs away.
        signal.alarm(math.ceil(budget_s) + _GRACE_S)
        size, job = json.loads(line)
        answer = work(job, sys.stdin.buffer.read(size))
        signal.alarm(0)
        _answer(answer)


def _answer(value: object) -> None:
    sys.stdout.buffer.write(json.dumps(value).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
