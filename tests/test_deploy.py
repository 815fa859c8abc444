"""What the image, the compose file and the unit promise, without a container engine."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import requires
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement

from daemon import __version__, supervision
from daemon.intake import server as intake
from daemon.rounds import send_mail
from daemon.settings import Settings, load
from tests.conftest import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "config" / "deploy"
PROMETHEUS = ROOT / "config" / "prometheus" / "prometheus.yml"
UNIT = DEPLOY / "receiptwatch.service"
SERVICES = ("receiptwatch", "prometheus", "alertmanager", "grafana")
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[a-z0-9.-]*")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), without comments, continuations joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines if line.strip()]


def of_last_stage(name: str) -> list[str]:
    steps = instructions()
    start = max(at for at, (instruction, _) in enumerate(steps) if instruction == "FROM")
    return [arguments for instruction, arguments in steps[start:] if instruction == name]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"][name]
    return found


def test_every_image_is_pinned_by_a_version() -> None:
    bases = [arguments.split()[0] for name, arguments in instructions() if name == "FROM"]
    images = [entry["image"] for entry in compose()["services"].values()]
    assert bases == ["python:3.13-slim"] * 2
    assert len(images) == 4
    assert [image for image in bases + images if not PINNED.fullmatch(image)] == []
    assert f"receiptwatch:{__version__}" in images


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert of_last_stage("USER") == ["10001:10001"]
    assert service("receiptwatch")["user"] == "10001:10001"


def test_the_image_starts_the_service_and_writes_to_its_volume_only() -> None:
    command = ["receiptwatch", "run", "--config", "/etc/receiptwatch/receiptwatch.yaml"]
    assert [json.loads(arguments) for arguments in of_last_stage("CMD")] == [command]
    assert of_last_stage("VOLUME") == ["/var/lib/receiptwatch"]
    assert "PYTHONDONTWRITEBYTECODE=1" in " ".join(of_last_stage("ENV"))


def test_everything_downloaded_into_the_image_is_locked_by_hash() -> None:
    runs = " && ".join(arguments for name, arguments in instructions() if name == "RUN")
    installs = [step for step in runs.split("&&") if " install " in step and "pip" in step]
    assert len(installs) == 3
    for step in installs:
        assert "--require-hashes" in step or "--no-deps --no-index" in step, step


def test_the_image_has_the_build_backend_with_all_it_needs() -> None:
    [picked] = re.findall(r"\^\(([a-z|-]+)\)==", (ROOT / "Dockerfile").read_text())
    needed = {Requirement(line) for line in requires("hatchling") or []}
    names = {
        "hatchling",
        *(need.name for need in needed if not need.marker or need.marker.evaluate()),
    }
    assert set(picked.split("|")) == names
    locked = (ROOT / "requirements-dev.txt").read_text()
    assert [name for name in names if not re.search(rf"(?m)^{name}==", locked)] == []


def test_only_what_is_copied_reaches_the_builder() -> None:
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in patterns if line and not line.startswith("#")]
    copied = {
        source
        for name, arguments in instructions()
        if name == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert [source for source in copied if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_no_rights_and_a_read_only_root(name: str) -> None:
    entry = service(name)
    assert entry["read_only"] is True
    assert entry["cap_drop"] == ["ALL"]
    assert entry["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & entry.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert service(name)["ports"]
    assert [port for port in service(name)["ports"] if not port.startswith("127.0.0.1:")] == []


def test_secrets_come_as_files() -> None:
    secrets = compose()["secrets"]
    taken = [secret for name in SERVICES for secret in service(name).get("secrets", [])]
    assert sorted(taken) == sorted(secrets)  # each by one service only
    assert [name for name, entry in secrets.items() if entry != {"file": f"./secrets/{name}"}] == []
    assert "environment" not in service("receiptwatch")


def test_what_compose_mounts_from_the_repository_is_there() -> None:
    mounts = [mount for entry in compose()["services"].values() for mount in entry["volumes"]]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert len(files) == 6
    assert [file for file in files if not (DEPLOY / file).exists()] == []
    assert [mount for mount in mounts if mount.startswith(".") and not mount.endswith(":ro")] == []


@pytest.fixture
def sample(tmp_path: Path) -> Settings:
    """The settings of the compose file, with the container's folders moved under `tmp_path`."""
    text = (DEPLOY / "receiptwatch.yaml").read_text()
    for folder in ("/run/secrets", "/var/lib/receiptwatch"):
        (tmp_path / folder[1:]).mkdir(parents=True)
        text = text.replace(folder, f"{tmp_path}{folder}")
    for name in service("receiptwatch")["secrets"]:
        secret = tmp_path / "run/secrets" / name
        secret.write_text("x" * 32)
        secret.chmod(0o400)
    (tmp_path / "receiptwatch.yaml").write_text(text)
    return load(tmp_path / "receiptwatch.yaml")


def test_the_settings_for_compose_load_with_its_secrets(sample: Settings, tmp_path: Path) -> None:
    assert sample.database == f"sqlite:///{tmp_path}/var/lib/receiptwatch/ledger.db"
    used = re.findall(r"/run/secrets/(\S+)", (DEPLOY / "receiptwatch.yaml").read_text())
    assert sorted(used) == sorted(service("receiptwatch")["secrets"])


def test_pages_and_metrics_listen_where_the_other_files_look(sample: Settings) -> None:
    assert str(sample.listen.console) == "0.0.0.0:8025"
    assert "127.0.0.1:8025:8025" in service("receiptwatch")["ports"]
    assert str(sample.listen.metrics) == "0.0.0.0:9725"
    [scrape] = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["receiptwatch:9725"]}]
    assert of_last_stage("EXPOSE") == ["2525 8025 9725"]


def test_order_mail_comes_in_from_this_machine_alone(sample: Settings) -> None:
    [network] = compose()["networks"]["default"]["ipam"]["config"]
    assert sample.intake
    assert [str(listener.address) for listener in sample.intake.listen] == ["0.0.0.0:2525"]
    assert "127.0.0.1:2525:2525" in service("receiptwatch")["ports"]
    assert [shop.intake.networks for shop in sample.shops if shop.intake] == [
        (ip_network(network["gateway"]),)
    ]
    assert ip_address(network["gateway"]) in ip_network(network["subnet"])


def test_mail_in_hand_has_the_time_to_end_before_the_service_is_killed() -> None:
    drains = intake.DRAIN_S + supervision.DRAIN_S + send_mail.DRAIN_S
    assert int(service("receiptwatch")["stop_grace_period"].removesuffix("s")) > drains
    assert int(unit()["TimeoutStopSec"][0]) > drains


def test_every_connection_that_the_settings_allow_finds_a_file_descriptor(sample: Settings) -> None:
    assert sample.intake
    most = 2 * sample.intake.connections  # each may have a large message on the disk
    assert service("receiptwatch")["ulimits"]["nofile"] > 2 * most
    assert int(unit()["LimitNOFILE"][0]) > 2 * most


def health_programs() -> dict[str, str]:
    [dockerfile] = of_last_stage("HEALTHCHECK")
    *_, in_image = json.loads(dockerfile.partition(" CMD ")[2])
    *_, in_compose = service("receiptwatch")["healthcheck"]["test"]
    return {"Dockerfile": in_image, "compose.yaml": in_compose}


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/-/healthy" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("where", ["Dockerfile", "compose.yaml"])
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_tells_health_from_illness(
    where: str, status: int, *, healthy: bool
) -> None:
    program = health_programs()[where]
    assert "9725" in program
    with answering(status) as port:
        run = [sys.executable, "-c", program.replace("9725", str(port))]
        ended = subprocess.run(run, timeout=30, check=False, capture_output=True)
    assert (ended.returncode == 0) is healthy, ended.stderr


@pytest.mark.parametrize("file", ["Dockerfile", *sorted(path.name for path in DEPLOY.iterdir())])
def test_no_file_names_a_host_to_download_from(file: str) -> None:
    text = (ROOT / file if file == "Dockerfile" else DEPLOY / file).read_text()
    assert re.findall(r"https?://|--(?:extra-)?index-url|curl |wget ", text) == []


def test_prometheus_takes_its_configuration() -> None:
    if not shutil.which("promtool"):
        unavailable("promtool is not installed; `make world-packages` installs it")
    run = ["promtool", "check", "config", str(PROMETHEUS)]
    ended = subprocess.run(run, timeout=60, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_systemd_is_told_of_readiness_and_watches_the_loop() -> None:
    assert unit()["Type"] == ["notify"]
    assert int(unit()["WatchdogSec"][0]) >= 3 * 10  # the service reports every 10 seconds
    assert unit()["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_the_unit_is_hardened() -> None:
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome"):
        assert unit()[key] == ["yes"], key
    assert unit()["ProtectSystem"] == ["strict"]
    assert unit()["CapabilityBoundingSet"] == [""]
    assert unit()["StateDirectory"] == ["receiptwatch"]
    assert unit()["User"] == ["receiptwatch"]


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        unavailable("systemd-analyze is not installed")
    installed = tmp_path / UNIT.name
    installed.write_text(
        UNIT.read_text().replace("/opt/receiptwatch/bin/receiptwatch", "/bin/true")
    )
    run = ["systemd-analyze", "verify", str(installed)]
    ended = subprocess.run(run, timeout=60, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
