"""Uvicorn inside our own event loop; signals stay with the service."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from fastapi import FastAPI


class EmbeddedServer(uvicorn.Server):
    """A server that leaves SIGTERM and SIGINT to whoever runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def server(app: FastAPI) -> EmbeddedServer:
    """A server for `app`, to be given its listening socket by `serve(sockets=[…])`."""
    return EmbeddedServer(
        uvicorn.Config(
            app,
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
