"""How a provider rules, as a table."""

from __future__ import annotations

import pytest

from daemon.demo.policy import Filing, Policy, Refusal
from daemon.demo.verdicts import Verdicts
from probes.observation import FolderRole

SPAM = Filing(FolderRole.SPAM)


def verdicts(dmarc: str, policy: str) -> Verdicts:
    return Verdicts("bounces@mailer.test", "saffron.test", "pass", (), dmarc, policy)


@pytest.mark.parametrize(
    ("dmarc", "policy", "ruling"),
    [
        ("pass", "reject", Filing()),
        ("none", "none", Filing()),
        ("temperror", "none", Filing()),
        ("fail", "none", Filing()),
        ("fail", "quarantine", SPAM),
    ],
)
def test_a_stranger_is_treated_as_his_domain_asks(dmarc: str, policy: str, ruling: Filing) -> None:
    assert Policy().decide("out.mailer.test", verdicts(dmarc, policy)) == ruling


def test_reject_is_refused_with_a_reason() -> None:
    ruling = Policy().decide("out.mailer.test", verdicts("fail", "reject"))
    assert isinstance(ruling, Refusal)
    assert (ruling.code, ruling.text[:7]) == (550, "5.7.26 ")


def test_a_treatment_holds_for_its_host_alone() -> None:
    policy = Policy().treating("out.mailer.test", SPAM)
    assert policy.decide("out.mailer.test", verdicts("pass", "none")) == SPAM
    assert policy.decide("relay.saffron.test", verdicts("pass", "none")) == Filing()


def test_quarantine_overrules_a_tab_but_not_its_delay() -> None:
    policy = Policy().treating("out.mailer.test", Filing(tab="promotions", after_s=3.0))
    ruling = policy.decide("out.mailer.test", verdicts("fail", "quarantine"))
    assert ruling == Filing(FolderRole.SPAM, after_s=3.0)


def test_a_refusal_stays_a_refusal() -> None:
    refusal = Refusal(554, "5.7.9 not for policy reasons")
    policy = Policy().treating("out.mailer.test", refusal)
    assert policy.decide("out.mailer.test", verdicts("fail", "quarantine")) == refusal
