"""The operator's address: metrics, health, reload and the blackbox-style `/probe`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from daemon.console.protection import protect
from daemon.rulings.overview import VISIBLE, Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from daemon.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the exposition asks of the running service; assembly fills it in."""

    metrics: Metrics
    refresh: Callable[[], Awaitable[None]]
    """Brings the gauges that are read from the ledger up to date."""
    stalled: Callable[[], list[str]]
    """Names of the loops that have not come round in time."""
    ready: Callable[[], Awaitable[str | None]]
    """None when ready, else the sentence that says why not."""
    reload: Callable[[], Awaitable[str | None]]
    """Loads the settings again; None, or the sentence that says why the old ones stay."""
    last: Callable[[str], Awaitable[Outcome | None]]
    """The last settled probe of a target; raises LookupError when there is no such target."""


def exposition(vitals: Vitals) -> FastAPI:
    """The application for `listen.metrics`."""
    app = FastAPI(title="Receiptwatch operations", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/metrics")
    async def metrics() -> Response:
        await vitals.refresh()
        return Response(generate_latest(vitals.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/-/healthy")
    async def healthy() -> JSONResponse:
        stalled = vitals.stalled()
        return JSONResponse({"healthy": not stalled, "stalled": stalled}, 503 if stalled else 200)

    @app.get("/-/ready")
    async def ready() -> JSONResponse:
        trouble = await vitals.ready()
        return JSONResponse({"ready": not trouble, "why": trouble}, 503 if trouble else 200)

    @app.post("/-/reload")
    async def reload() -> JSONResponse:
        trouble = await vitals.reload()
        return JSONResponse({"reloaded": not trouble, "why": trouble}, 422 if trouble else 200)

    @app.get("/probe")
    async def probe(target: Annotated[str, Query(max_length=200)]) -> Response:
        try:
            last = await vitals.last(target)
        except LookupError as unknown:
            return PlainTextResponse(f"{unknown}\n", 404)
        return Response(generate_latest(_last_result(last)), media_type=CONTENT_TYPE_LATEST)

    return protect(app)


def _last_result(last: Outcome | None) -> CollectorRegistry:
    """The last result as blackbox-exporter gives it; mail outlasts a scrape, so none is awaited.

    Without a result `probe_success` is absent: unknown is not failure.
    """
    registry = CollectorRegistry()
    known = Gauge("receiptwatch_probe_result_known", "1 when there is a result.", registry=registry)
    if last is None:
        return registry
    known.set(1)
    Gauge("probe_success", "1 when the receipt could be seen.", registry=registry).set(
        int(last.fate in VISIBLE)
    )
    Gauge(
        "receiptwatch_probe_planned_timestamp_seconds", "When it was sent.", registry=registry
    ).set(last.planned_at.timestamp())
    Gauge("receiptwatch_probe_placement", "Where it was.", ["placement"], registry=registry).labels(
        last.fate
    ).set(1)
    if last.latency_s is not None:
        Gauge("probe_duration_seconds", "From 250 to the provider.", registry=registry).set(
            last.latency_s
        )
    return registry
