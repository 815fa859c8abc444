"""The suites that pyspf and dkimpy ship in their sdists, run through our own functions."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from probes.checks.dkim import CHECK as DKIM
from probes.checks.spf import check_host
from probes.observation import Finding, Specimen
from tests.probes.dns_stub import DnsStub

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.index

FETCH_S = 120


def fetch(package: str, folder: Path) -> Path:
    """Unpack a package's sdist; skipped where no index answers, an error in CI."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", ":all:", "--dest", str(folder), package]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=FETCH_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{package} could not be fetched: {error}")
        pytest.skip(f"no package index gave {package}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as sdist:
        if hasattr(tarfile, "data_filter"):  # Debian's own Python 3.11.2 has no filters yet
            sdist.extraction_filter = tarfile.data_filter
        sdist.extractall(folder)  # noqa: S202 - filtered above, of a package that we name
    return folder / archive.name.removesuffix(".tar.gz")


def publish(stub: DnsStub, zone: dict[str, list[Any]]) -> None:
    """Publish a scenario's zone; what it calls TIMEOUT is answered by SERVFAIL: as temporary."""
    for name, records in zone.items():
        pairs = [pair for record in records if record != "TIMEOUT" for pair in record.items()]
        kinds = {kind for kind, _ in pairs}
        # TIMEOUT stands for every type without a record; only TXT is asked at these names.
        if "TIMEOUT" in records and not any(k == "TXT" and v != "NONE" for k, v in pairs):
            stub.servfail.add(name.lower())
        for kind, value in pairs:
            # A zone of type SPF alone stands for the same text as TXT, which RFC 7208 reads.
            target = "TXT" if kind == "SPF" and "TXT" not in kinds else kind
            if target != "SPF" and value != "NONE":
                add(stub, name, target, value)


def add(stub: DnsStub, name: str, kind: str, value: Any) -> None:
    if value == "TIMEOUT":
        stub.servfail.add(name.lower())
    elif kind == "TXT":
        strings = value if isinstance(value, list) else [value]
        stub.add(name, kind, [text.encode("latin-1") for text in strings])
    elif kind == "MX":
        stub.add(name, kind, f"{value[0]} {value[1] or '.'}")
    else:
        stub.add(name, kind, value or ".")


def wrong(scenario: dict[str, Any], name: str, case: dict[str, Any], stub: DnsStub) -> str | None:
    got = check_host(case["host"], case["mailfrom"], case["helo"], stub.resolver(0.5))
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    return None if got.status in wanted else f"{scenario['description']}/{name}: {got} not {wanted}"


def test_spf_answers_every_case_of_the_rfc_7208_suite(tmp_path: Path) -> None:
    suite = fetch("pyspf==2.0.14", tmp_path) / "test" / "rfc7208-tests.yml"
    outcomes = []
    for scenario in yaml.safe_load_all(suite.read_text(encoding="latin-1")):
        with DnsStub() as stub:
            publish(stub, scenario["zonedata"])
            outcomes += [wrong(scenario, n, case, stub) for n, case in scenario["tests"].items()]
    assert "\n".join(outcome for outcome in outcomes if outcome) == ""
    assert len(outcomes) == 203


# Runs in its own process: the suite must meet the sdist's dkimpy, with our replacements in it.
SUITE = """
import sys, unittest
sys.path.insert(0, sys.argv[1])
import dkim, probes.dkim_armour
assert dkim.__file__.startswith(sys.argv[1])
names = ["dkim.tests.test_" + part for part in ("dkim", "arc", "canonicalization", "crypto")]
result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromNames(names))
print(result.testsRun, len(result.failures) + len(result.errors))
"""


def test_dkimpys_own_suite_holds_with_our_replacements_in_it(tmp_path: Path) -> None:
    sdist = fetch("dkimpy==1.1.8", tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", SUITE, str(sdist)],
        check=False,
        capture_output=True,
        text=True,
        timeout=FETCH_S,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert ran.stdout.split() == ["69", "0"], ran.stderr


@pytest.fixture
def dkimpy_data(tmp_path: Path) -> Path:
    return fetch("dkimpy==1.1.8", tmp_path) / "dkim" / "tests" / "data"


def test_the_signed_messages_that_dkimpy_ships_verify(dkimpy_data: Path) -> None:
    ed25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    with DnsStub() as stub:
        record = (dkimpy_data / "test.txt").read_bytes().replace(b"\n", b"")
        stub.add("test._domainkey.football.example.com", "TXT", record)
        stub.add("brisbane._domainkey.football.example.com", "TXT", ed25519)
        verdicts = {
            path.name: [finding.status for finding in asyncio.run(judged(path, stub))]
            for path in sorted(dkimpy_data.glob("rfc6376.signed*.msg"))
        }
    assert verdicts == {
        "rfc6376.signed.msg": ["pass", "pass"],
        # Its t= was taken out after signing, so it must not hold.
        "rfc6376.signed.no_t.msg": ["fail"],
        "rfc6376.signed.rsa.msg": ["pass"],
    }


async def judged(path: Path, stub: DnsStub) -> tuple[Finding, ...]:
    specimen = Specimen(path.read_bytes(), datetime.now(UTC))  # noqa: ASYNC240 - a test's own loop
    return await DKIM.examine(specimen, stub.resolver())
