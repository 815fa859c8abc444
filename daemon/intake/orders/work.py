"""What the worker of the reading round runs (`probes.worker`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daemon.intake.orders.reading import read_order
from daemon.intake.orders.terms import OrderTerms
from daemon.intake.orders.verdict import Reading
from probes.order_pattern import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BEGIN = f"{__name__}:begin"


def begin(settings: Mapping[str, Any]) -> Callable[[Mapping[str, Any], bytes], Any]:
    """`settings` are a shop's terms by its name, and `strangers` those of all others.

    A job has the message's `shop` and `envelope` (`reading.read_order`); its answer is a `Reading`.
    """
    strangers = OrderTerms.from_json(settings["strangers"])
    terms = {shop: OrderTerms.from_json(record) for shop, record in settings["shops"].items()}
    for pattern in (p for t in terms.values() for p in (*t.number, *t.customer)):
        compiled(pattern)

    def work(job: Mapping[str, Any], raw: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            reading = read_order(raw, terms.get(job["shop"], strangers), job["envelope"])
        except Exception as error:  # noqa: BLE001 - one message's defect must not cost the others
            reading = Reading(problem=f"reading it broke down ({type(error).__name__})")
        return reading.as_json()

    return work
