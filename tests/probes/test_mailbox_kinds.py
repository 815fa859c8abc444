from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from probes import mailboxes
from probes.catalogue import scan
from probes.endpoint import Tls
from probes.mailbox_kind import MailboxKind
from probes.mailboxes.outlook import explain
from probes.observation import FolderRole

KINDS = scan(mailboxes, "MAILBOX", MailboxKind)


def test_the_catalogue_holds_every_provider() -> None:
    assert sorted(KINDS) == [
        *("aol", "comcast", "fastmail", "gmail", "gmx", "icloud", "outlook", "plain", "yahoo")
    ]


def test_no_domain_belongs_to_two_providers() -> None:
    counted = Counter(domain for kind in KINDS.values() for domain in kind.domains)
    assert [domain for domain, count in counted.items() if count > 1] == []


def test_no_mail_exchanger_belongs_to_two_providers() -> None:
    counted = Counter(suffix for kind in KINDS.values() for suffix in kind.mx_suffixes)
    assert [suffix for suffix, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
class TestEveryKind:
    def test_is_written_in_lower_case_names(self, kind: MailboxKind) -> None:
        for name in (*kind.domains, *kind.mx_suffixes, *kind.trusted_hosts):
            assert name == name.lower().strip(".")
            assert "." in name

    def test_connects_with_implicit_tls(self, kind: MailboxKind) -> None:
        if kind.name == "plain":
            assert kind.endpoint is None
        else:
            assert kind.endpoint is not None
            assert (kind.endpoint.port, kind.endpoint.tls) == (993, Tls.IMPLICIT)

    def test_tells_how_to_log_in_and_what_stays_unseen_in_sentences(
        self, kind: MailboxKind
    ) -> None:
        assert kind.logins
        for sentence in (kind.advice, *kind.unseen):
            assert sentence[0].isupper()
            assert sentence.endswith(".")

    def test_knows_its_spam_folder_and_its_own_hosts(self, kind: MailboxKind) -> None:
        assert bool(kind.spam_names) is bool(kind.trusted_hosts) is (kind.name != "plain")

    def test_explains_without_headers_nothing(self, kind: MailboxKind) -> None:
        assert kind.explain({}, FolderRole.INBOX) == ()


HOSTILE = [
    "",
    ";",
    ":",
    "dest",
    "dest:",
    "dest:Q",
    "dest:J" * 9000,
    ";" * 50_000,
    "SCL:" + "9" * 99,
]


@pytest.mark.parametrize(("delivery", "report"), list(product(HOSTILE, HOSTILE[:3])))
def test_outlook_s_explanation_stays_short_whatever_the_header_says(
    delivery: str, report: str
) -> None:
    headers = {
        "x-microsoft-antispam-mailbox-delivery": delivery,
        "x-forefront-antispam-report": report,
        "x-ms-exchange-organization-scl": delivery,
    }
    assert sum(map(len, explain(headers, FolderRole.INBOX))) < 300


@pytest.mark.parametrize(
    ("letter", "role"),
    [("I", FolderRole.INBOX), ("J", FolderRole.SPAM), ("C", FolderRole.OTHER)],
)
def test_outlook_s_word_that_agrees_with_the_folder_is_one_sentence(
    letter: str, role: FolderRole
) -> None:
    headers = {"x-microsoft-antispam-mailbox-delivery": f"ucf:0;jmr:0;dest:{letter};OFR:none;"}
    [sentence] = explain(headers, role)
    assert f"dest:{letter}" in sentence


def test_outlook_s_spam_level_and_category_are_repeated() -> None:
    report = "CIP:192.0.2.7;CTRY:US;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;CAT:SPM;DIR:INB"
    assert explain({"x-forefront-antispam-report": report}, FolderRole.SPAM) == (
        "Outlook's spam confidence level is 5.",
        "Outlook's category is SPM.",
        "Outlook's filter verdict is SPM.",
    )
