"""`receiptwatch diagnose FILE.eml`: what the checks say about one message."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from daemon.commands.options import NOT_SO, AsJson, print_json, refuse
from probes.examination import Examiner
from probes.observation import Severity, Specimen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.observation import Finding

LARGEST = 25_000_000
"""Bytes of a message that are read."""

COLOURS = {
    Severity.OK: "green",
    Severity.NOTICE: "yellow",
    Severity.PROBLEM: "red",
    Severity.UNKNOWN: "dim",
}


def diagnose(
    file: Annotated[Path, typer.Argument(help="A saved message (.eml), with all its headers.")],
    *,
    trust: Annotated[
        list[str] | None,
        typer.Option(help="Host-name suffix of the provider that received it; may be repeated."),
    ] = None,
    nameserver: Annotated[list[str] | None, typer.Option(help="Ask this name server.")] = None,
    port: Annotated[int, typer.Option(help="Its port.")] = 53,
    as_json: AsJson = False,
) -> None:
    """Judge SPF, DKIM, DMARC and ARC of a message; exit 1 when something is to be repaired.

    Without --trust no Received line is believed, and SPF is then not evaluable.
    """
    specimen = _specimen(file, tuple(trust or ()))
    findings = asyncio.run(_examined(specimen, nameserver or (), port))
    if as_json:
        print_json({"findings": [finding.as_json() for finding in findings]})
    else:
        Console().print(findings_table(findings))
    bad = any(finding.severity is Severity.PROBLEM for finding in findings)
    raise typer.Exit(NOT_SO if bad else 0)


def findings_table(findings: Sequence[Finding]) -> Table:
    """One line a finding."""
    table = Table()
    for heading in ("check", "status", "what was found", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        status = f"[{COLOURS[finding.severity]}]{finding.status}[/]"
        table.add_row(finding.check, status, finding.summary, finding.remedy or "")
    return table


def _specimen(file: Path, trusted_hosts: tuple[str, ...]) -> Specimen:
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        refuse(f"{file} cannot be read: {error.strerror}")
    canonical = raw[:LARGEST].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return Specimen(canonical, datetime.now(UTC), trusted_hosts, truncated=len(raw) > LARGEST)


async def _examined(
    specimen: Specimen, nameservers: Sequence[str], port: int
) -> tuple[Finding, ...]:
    examiner = Examiner(nameservers, port)
    try:
        return await examiner.examine(specimen)
    finally:
        await examiner.close()
