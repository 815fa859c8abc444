"""`/api/v1`: incidents for other programs. Reading is open where the page is; acting asks a token.

Errors are problems of RFC 9457 (`application/problem+json`).
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Header, HTTPException, Path, Query
from fastapi.responses import JSONResponse

from daemon import desk
from daemon.ledger import incidents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from fastapi import FastAPI, Request

    from daemon.ledger import Ledger
    from daemon.ledger.incidents import IncidentRow

IncidentId = Annotated[str, Path(max_length=40, pattern=r"^[is]-[0-9a-f]+$")]
Who = Annotated[str, Body(embed=True, min_length=1, max_length=100)]
Bearer = Annotated[str | None, Header(max_length=500)]


@dataclass(frozen=True, slots=True)
class ApiRoom:
    """What the API works with; a callable each, because a reload replaces what is behind them."""

    ledger: Callable[[], Ledger]
    now: Callable[[], datetime]
    token: Callable[[], str | None]


def api(room: ApiRoom) -> APIRouter:
    """The routes below `/api/v1`."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/incidents")
    async def list_incidents(
        shop: Annotated[str | None, Query(max_length=40)] = None,
        days: Annotated[int, Query(ge=0, le=400)] = 7,
    ) -> dict[str, Any]:
        async with room.ledger().read() as conn:
            rows = await incidents.since(conn, room.now() - timedelta(days=days), shop=shop)
        return {"incidents": [asdict(row) for row in rows]}

    @router.post("/incidents/{incident}/acknowledge")
    async def acknowledge(
        incident: IncidentId, by: Who, authorization: Bearer = None
    ) -> dict[str, Any]:
        return await act(desk.acknowledge, incident, by, authorization)

    @router.post("/incidents/{incident}/dismiss")
    async def dismiss(
        incident: IncidentId, by: Who, authorization: Bearer = None
    ) -> dict[str, Any]:
        return await act(desk.dismiss, incident, by, authorization)

    async def act(
        action: Callable[..., Awaitable[IncidentRow]], incident: str, by: str, told: str | None
    ) -> dict[str, Any]:
        _demand_token(room.token(), told)
        try:
            async with room.ledger().write() as conn:
                return asdict(await action(conn, incident, at=room.now(), by=by))
        except desk.NotDone as refusal:
            raise HTTPException(409, str(refusal)) from None

    return router


def answer_in_problems(app: FastAPI) -> None:
    """Let every HTTPException be told as a problem."""

    @app.exception_handler(HTTPException)
    async def problem(_request: Request, error: HTTPException) -> JSONResponse:
        told = {"type": "about:blank", "status": error.status_code, "title": str(error.detail)}
        return JSONResponse(told, error.status_code, error.headers, "application/problem+json")


def _demand_token(token: str | None, told: str | None) -> None:
    if token is None:
        raise HTTPException(403, "Acting by the API needs `api_token_file` in the settings.")
    given = (told or "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise HTTPException(401, "The token is missing or wrong.", {"WWW-Authenticate": "Bearer"})
