"""What the workers of test_worker.py run."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def begin(settings: dict[str, Any]) -> Callable[[Mapping[str, Any], bytes], Any]:
    def work(job: Mapping[str, Any], raw: bytes) -> Any:
        time.sleep(job.get("sleep_s", 0))
        if job.get("die"):
            os._exit(3)
        return {"greeting": settings["greeting"], "size": len(raw) + len(b"x" * job.get("fat", 0))}

    return work
