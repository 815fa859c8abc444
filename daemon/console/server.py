"""Uvicorn inside our own event loop; signals stay with the service."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Iterator

    from fastapi import FastAPI

HEAD_WITHIN_S = 10.0
MOST_CONNECTIONS = 200


class EmbeddedServer(uvicorn.Server):
    """A server that leaves SIGTERM and SIGINT to whoever runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class PunctualProtocol(H11Protocol):
    """Hangs up on whoever takes longer than `HEAD_WITHIN_S` to send the head of a request.

    Uvicorn itself waits for ever, so that a few hundred silent connections would use up its files.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._head_is_here()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Stop the waiting once there is a request."""
        super().handle_events()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._head_is_here()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._await_head()
        super().on_response_complete()

    def _await_head(self) -> None:
        self._head_is_here()
        self._late = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _head_is_here(self) -> None:
        if self._late:
            self._late.cancel()


def server(app: FastAPI) -> EmbeddedServer:
    """A server for `app`, to be given its listening socket by `serve(sockets=[…])`."""
    return EmbeddedServer(
        uvicorn.Config(
            app,
            http=PunctualProtocol,
            limit_concurrency=MOST_CONNECTIONS,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=65_536,
        )
    )


async def serve(instance: EmbeddedServer, sock: socket.socket) -> None:
    """Serve on a bound socket until `instance.should_exit`."""
    await instance.serve(sockets=[sock])
