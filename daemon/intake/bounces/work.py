"""What the child of `BounceReader` runs (`probes.worker`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daemon.intake.bounces.reading import read_bounce
from daemon.intake.bounces.verdict import NoBounce, NoBounceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def begin(_settings: object) -> Callable[[Mapping[str, Any], bytes], Any]:
    """Ready to read one message after another."""

    def work(job: Mapping[str, Any], raw: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            read = read_bounce(raw, ours=job["ours"], mail_from=job["mail_from"])
        except Exception as error:  # noqa: BLE001 - one message's defect must not cost the others
            why = f"Reading it broke down ({type(error).__name__})."
            read = NoBounce(NoBounceKind.UNREADABLE, why)
        return read.as_json()

    return work
