"""The status page and its JSON: what lands where, in one sentence per route and provider."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from daemon.console.api import ApiRoom, answer_in_problems, api
from daemon.console.protection import protect
from daemon.rulings.overview import WORDS, Lane

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Status:
    """What the status page shows; `mailboxes` and `problems` are ready sentences."""

    at: datetime
    lanes: list[Lane]
    mailboxes: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    incidents: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The status as one JSON object."""
        return {
            "at": self.at.isoformat(),
            "lanes": [_lane_json(lane) for lane in self.lanes],
            "mailboxes": self.mailboxes,
            "problems": self.problems,
            "incidents": self.incidents,
        }


def console(status: Callable[[], Awaitable[Status]], room: ApiRoom) -> FastAPI:
    """The application for `listen.console`: the page, its JSON, and the API."""
    app = FastAPI(title="Receiptwatch", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    templates = Jinja2Templates(directory=HERE / "templates")

    @app.get("/")
    async def page(request: Request) -> Response:
        shown = {"status": await status(), "words": WORDS}
        return templates.TemplateResponse(request, "status.html", shown)

    @app.get("/status.json")
    async def machine() -> dict[str, Any]:
        return (await status()).as_json()

    app.include_router(api(room))
    answer_in_problems(app)
    return protect(app)


def _lane_json(lane: Lane) -> dict[str, Any]:
    rate = lane.visible
    return {
        "shop": lane.shop,
        "route": lane.route,
        "role": lane.role,
        "provider": lane.provider,
        "visible": {"k": rate.k, "n": rate.n, "low": rate.low, "high": rate.high},
        "latency_s": lane.latency_s,
        "sentence": lane.sentence,
        "strip": [
            {"probe": o.probe, "seed": o.seed, "state": o.state, "placement": o.fate, "tab": o.tab}
            for o in lane.strip
        ],
    }
