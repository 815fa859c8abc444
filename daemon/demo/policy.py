"""How an embedded provider treats a message: pure, decided per sending host.

A host is known by the name in its EHLO: where the machine can bind 127.0.0.1 alone, all routes
share one address.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from probes.observation import FolderRole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.demo.verdicts import Verdicts


@dataclass(frozen=True, slots=True)
class Filing:
    """Accepted, and filed under a role `after_s` seconds; `tab` names a category of INBOX."""

    role: FolderRole = FolderRole.INBOX
    tab: str | None = None
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Answered with an SMTP reply; `text` begins with the enhanced code (RFC 3463)."""

    code: int
    text: str


Ruling = Filing | Refusal


@dataclass(frozen=True, slots=True)
class Policy:
    """What the provider holds against whom; a host that is not listed has a good name."""

    treatments: Mapping[str, Ruling] = field(default_factory=dict)

    def treating(self, host: str, ruling: Ruling) -> Policy:
        """This policy, with `host` treated otherwise."""
        return replace(self, treatments={**self.treatments, host: ruling})

    def decide(self, host: str, verdicts: Verdicts) -> Ruling:
        """The treatment of `host`, overruled by the From domain's own DMARC policy."""
        ruling = self.treatments.get(host, Filing())
        if verdicts.dmarc != "fail" or isinstance(ruling, Refusal):
            return ruling
        if verdicts.policy == "reject":
            domain = verdicts.header_from
            return Refusal(550, f"5.7.26 {domain} asks that mail which fails DMARC be refused.")
        if verdicts.policy == "quarantine":
            return replace(ruling, role=FolderRole.SPAM, tab=None)
        return ruling
