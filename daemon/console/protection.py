"""What every answer of ours carries, and which requests get none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import PlainTextResponse

from daemon.ledger.failures import LedgerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI, Request, Response

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HARMLESS = {"GET", "HEAD", "OPTIONS"}


def protect(app: FastAPI) -> FastAPI:
    """Give every answer its headers, and refuse what a page in a browser asks to be changed.

    None of our own pages changes anything, so a browser that names an Origin comes from another.
    """

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.method not in HARMLESS and "origin" in request.headers:
            response: Response = PlainTextResponse("Not from a browser's page.\n", 403)
        else:
            response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(LedgerError)
    async def no_ledger(_request: Request, error: LedgerError) -> Response:
        return PlainTextResponse(f"{error}\n", 503)

    return app
