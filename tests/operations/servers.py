"""A real Prometheus and a real Alertmanager on loopback, run by the shipped files."""

from __future__ import annotations

import http.server
import json
import os
import queue
import shutil
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import yaml

from tests.operations.expressions import CONFIG
from tests.world.processes import Server, owner, temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERY = "1s"
"""How often the tests' Prometheus scrapes and evaluates, instead of every 30 seconds."""


def missing() -> list[str]:
    """The programs that these tests need and this machine has not."""
    needed = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")
    return [program for program in needed if not shutil.which(program)]


@contextmanager
def prometheus(metrics: str, alertmanager: str) -> Iterator[str]:
    """A Prometheus that scrapes `metrics` (host:port) by the shipped rules; yields its URL."""
    with _folder("rw-prometheus-") as folder:
        settings = yaml.safe_load((CONFIG / "prometheus" / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
        settings["scrape_configs"][0]["static_configs"] = [{"targets": [metrics]}]
        targets = [{"targets": [alertmanager]}]
        settings["alerting"]["alertmanagers"][0]["static_configs"] = targets
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
        shutil.copytree(CONFIG / "prometheus" / "rules", folder / "rules")
        address = f"127.0.0.1:{_free_port()}"
        with _serving(
            folder,
            address,
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
        ):
            yield f"http://{address}"


@contextmanager
def alertmanager(receiver: str) -> Iterator[str]:
    """An Alertmanager with the shipped routes and inhibitions; yields its address (host:port).

    Every receiver posts to the URL `receiver` instead of sending mail, and nothing waits.
    """
    with _folder("rw-alertmanager-") as folder:
        settings = yaml.safe_load((CONFIG / "alertmanager" / "alertmanager.yml").read_text())
        del settings["global"]
        settings["route"] |= {"group_wait": "0s", "group_interval": "1s"}
        hook = {"url": receiver, "send_resolved": True}
        for told in settings["receivers"]:
            told["webhook_configs"] = [hook for _ in told.pop("email_configs")]
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(settings))
        address = f"127.0.0.1:{_free_port()}"
        with _serving(
            folder,
            address,
            "prometheus-alertmanager",
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/data",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ):
            yield address


class Inbox:
    """Where the Alertmanager's messages arrive; each is its webhook's JSON."""

    def __init__(self) -> None:
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.url = ""

    def next_of(self, alertname: str, status: str, within_s: float = 30.0) -> dict[str, Any]:
        """The next message about an alert; raises queue.Empty when none comes in time."""
        until = time.monotonic() + within_s
        while True:
            message = self.messages.get(timeout=max(0.0, until - time.monotonic()))
            about = message["groupLabels"]["alertname"], message["status"]
            if about == (alertname, status):
                return message


@contextmanager
def inbox() -> Iterator[Inbox]:
    """An HTTP server that keeps what is posted to it."""
    kept = Inbox()

    class Keep(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.messages.put(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Keep) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    folder = temporary_folder(prefix)
    os.chown(folder, *owner())
    yield folder
    shutil.rmtree(folder)


@contextmanager
def _serving(folder: Path, address: str, *argv: str) -> Iterator[None]:
    server = Server.start(argv[0], argv, folder.with_suffix(".log"))
    with ExitStack() as ending:
        ending.callback(server.output.unlink)
        ending.callback(server.stop)
        server.await_ready(lambda: _ready(f"http://{address}/-/ready"))
        yield


def _ready(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:  # noqa: S310 - our own server on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
