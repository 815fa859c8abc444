"""Content or chance, worked by hand; what counts as failed authentication."""

from __future__ import annotations

import random
from math import comb

import pytest

from daemon.rulings.attribution import content_odds
from daemon.rulings.lanes import Receipt, unauthenticated
from tests.daemon.rulings.traces import INBOX, SPAM, probe


def receipts(*counts: tuple[str, int, int]) -> list[Receipt]:
    """`bad` and `good` ones of each template."""
    return [
        Receipt(
            probe=f"{template}{i}",
            seed="s",
            template=template,
            verdict=SPAM if i < bad else INBOX,
            late=False,
            bad=i < bad,
            unauthenticated=False,
            at=0.0,
            sent_at=0.0,
        )
        for template, bad, good in counts
        for i in range(bad + good)
    ]


def test_two_templates_worked_by_hand() -> None:
    """Two bad ones of the first template, two good ones of the second."""
    one, other = 0.92**2 * 0.99**2, 0.01**2 * 0.08**2
    any_rate = 1 / (5 * comb(4, 2))
    expected = (one + other) / 4 / any_rate
    assert content_odds(receipts(("a", 2, 0), ("b", 0, 2))) == pytest.approx(expected)


def test_a_template_that_alone_is_hit_stands_out() -> None:
    assert content_odds(receipts(("a", 5, 0), ("b", 0, 5), ("c", 0, 5), ("d", 0, 4))) > 100


@pytest.mark.parametrize(
    "counts",
    [
        (("a", 5, 0), ("b", 5, 0), ("c", 4, 0)),
        (("a", 8, 0),),
        (("a", 3, 3), ("b", 2, 4), ("c", 3, 2)),
        (),
    ],
    ids=["all hit", "one template", "any template", "nothing seen"],
)
def test_otherwise_it_does_not(counts: tuple[tuple[str, int, int], ...]) -> None:
    assert content_odds(receipts(*counts)) < 1


def test_chance_rarely_looks_like_content() -> None:
    rng = random.Random(1)
    fooled = 0
    for _ in range(400):
        bad = {t: sum(rng.random() < 0.5 for _ in range(5)) for t in "abcd"}
        fooled += content_odds(receipts(*((t, b, 5 - b) for t, b in bad.items()))) >= 10
    assert fooled / 400 < 0.02


@pytest.mark.parametrize(
    ("spf", "dkim", "dmarc", "failed"),
    [
        ("pass", "pass", "pass", False),
        ("pass", "fail", "pass", False),
        ("fail", "fail", "fail", True),
        ("pass", "fail", "none", True),
        ("fail", "none", None, True),
        ("softfail", "none", "none", False),
        ("temperror", "temperror", "temperror", False),
        (None, None, None, False),
    ],
)
def test_dmarc_decides_where_there_is_a_policy(
    spf: str | None, dkim: str | None, dmarc: str | None, *, failed: bool
) -> None:
    assert unauthenticated(probe(0, spf=spf, dkim=dkim, dmarc=dmarc)) is failed
