"""Who may send what to whom, as a table."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from daemon.intake import replies
from daemon.intake.admission import Admission, Asking, Purpose
from daemon.intake.terms import Shop
from daemon.lifecycles.arrival import IntakeMode
from tests.daemon.intake.front import BIKES, BOOKS, BOUNCE, TEAS

RULES = Admission(
    (BIKES, BOOKS, TEAS), lambda address: "bikes" if address.casefold() == BOUNCE else None
)
STRANGER = Asking(None, "somebody@elsewhere.example")
COULD_LOG_IN = replace(STRANGER, can_log_in=True)
OWN = Asking(BIKES, "orders@bikes.example")
NULL = Asking(BIKES, "")
FOREIGN = Asking(BIKES, "somebody@elsewhere.example")
TENANT = Asking(BIKES, "orders@books.example")
UNWRITABLE = Asking(BIKES, None)
COPYING = Asking(TEAS, "orders@teas.example")

CUSTOMER = "ada@customer.example"
COPY_BIKES, COPY_TEAS = "copy+bikes@intake.example", "Copy+TEAS@INTAKE.example"
RELAY, COPY, BACK = IntakeMode.RELAY, IntakeMode.COPY, IntakeMode.BOUNCE

TAKEN = [
    (OWN, CUSTOMER, RELAY, "bikes"),
    (NULL, CUSTOMER, RELAY, "bikes"),
    (Asking(BIKES, "vip@post.bikes.example"), CUSTOMER, RELAY, "bikes"),
    (STRANGER, COPY_BIKES, COPY, "bikes"),
    (COULD_LOG_IN, COPY_TEAS, COPY, "teas"),
    (COPYING, COPY_TEAS, COPY, "teas"),
    (FOREIGN, COPY_BIKES, COPY, "bikes"),
    (UNWRITABLE, COPY_TEAS, COPY, "teas"),
    (STRANGER, BOUNCE, BACK, "bikes"),
    (Asking(None, ""), BOUNCE.upper(), BACK, "bikes"),
    (FOREIGN, BOUNCE, BACK, "bikes"),
    (COPYING, BOUNCE, BACK, "bikes"),
]


@pytest.mark.parametrize(("asking", "recipient", "mode", "shop"), TAKEN)
def test_is_taken(asking: Asking, recipient: str, mode: IntakeMode, shop: str) -> None:
    ruling = RULES.rule(asking, recipient)
    assert ruling.reply is replies.RECIPIENT_OK
    assert ruling.purpose == Purpose(mode, shop)


REFUSED = [
    (STRANGER, CUSTOMER, replies.NO_RELAY),
    (COULD_LOG_IN, CUSTOMER, replies.LOGIN_FIRST),
    (COPYING, CUSTOMER, replies.NO_RELAY),
    (STRANGER, "bounces+forged@bikes.example", replies.NO_RELAY),
    (STRANGER, "no address", replies.NO_RELAY),
    (STRANGER, "postmaster", replies.NO_RELAY),
    (FOREIGN, CUSTOMER, replies.NOT_YOUR_DOMAIN),
    (TENANT, CUSTOMER, replies.NOT_YOUR_DOMAIN),
    (Asking(BIKES, "a@notbikes.example"), CUSTOMER, replies.NOT_YOUR_DOMAIN),
    (UNWRITABLE, CUSTOMER, replies.BAD_SENDER),
    (OWN, "ada@good.example,evil@x.example", replies.BAD_ADDRESS),
    (OWN, "ada@localhost", replies.BAD_ADDRESS),
    (OWN, "ada@[192.0.2.1]", replies.BAD_ADDRESS),
    (OWN, "@relay.example:ada@customer.example", replies.BAD_ADDRESS),
    (OWN, '"ada"@customer.example', replies.BAD_ADDRESS),
    (OWN, "ädä@customer.example", replies.NOT_ASCII),
]


@pytest.mark.parametrize(("asking", "recipient", "reply"), REFUSED)
def test_is_refused(asking: Asking, recipient: str, reply: replies.Reply) -> None:
    ruling = RULES.rule(asking, recipient)
    assert ruling.reply is reply
    assert ruling.purpose is None


@pytest.mark.parametrize("recipient", [COPY_BIKES, COPY_TEAS, BOUNCE])
def test_a_transaction_is_of_one_kind(recipient: str) -> None:
    relaying = OWN.towards(Purpose(RELAY, "bikes"))
    assert RULES.rule(relaying, recipient).reply is replies.SEPARATELY
    assert RULES.rule(relaying, CUSTOMER).purpose == Purpose(RELAY, "bikes")


def test_a_transaction_is_for_one_shop() -> None:
    copying = STRANGER.towards(Purpose(COPY, "bikes"))
    assert RULES.rule(copying, COPY_TEAS).reply is replies.SEPARATELY
    assert RULES.rule(copying, COPY_BIKES).purpose == Purpose(COPY, "bikes")


def test_a_recipient_in_another_script_is_written_in_a_labels() -> None:
    assert RULES.rule(OWN, "ada@bücher.example").address == "ada@xn--bcher-kva.example"


def shop_in(*networks: str, name: str = "one") -> Shop:
    return Shop(name, relays=True, networks=tuple(map(ip_network, networks)))


def test_the_narrowest_network_names_the_shop() -> None:
    wide, narrow = shop_in("10.0.0.0/8", "2001:db8::/32"), shop_in("10.1.0.0/16", name="two")
    rules = Admission((wide, narrow), lambda _address: None)
    assert rules.shop_at(ip_address("10.1.2.3")) is narrow
    assert rules.shop_at(ip_address("10.2.2.3")) is wide
    assert rules.shop_at(ip_address("2001:db8::1")) is wide
    assert rules.shop_at(ip_address("192.0.2.1")) is None


def test_nobody_is_known_by_loopback_unless_it_is_written_so() -> None:
    rules = Admission((shop_in("10.0.0.0/8"),), lambda _address: None)
    assert rules.shop_at(ip_address("127.0.0.1")) is None
    assert rules.shop_at(ip_address("::1")) is None


def test_a_network_of_two_shops_proves_neither() -> None:
    rules = Admission(
        (shop_in("10.1.0.0/16"), shop_in("10.1.0.0/16", name="two")), lambda _address: None
    )
    assert rules.shop_at(ip_address("10.1.2.3")) is None


OTHERS = [
    b"orders@books.example",
    b"Books <orders@BOOKS.Example>",
    b"orders@mail.books.example",
    b"<orders@ (a (nested) comment) books.example>",
    b"a@bikes.example,\r\n\tb@books\r\n .example",
    b'"orders@books.example" <orders@bikes.example>',
    b"<@books.example:orders@bikes.example>",
    b"orders@books.example.",
]


@pytest.mark.parametrize("value", OTHERS)
def test_another_shops_name_is_seen(value: bytes) -> None:
    assert RULES.names_another("bikes", [value])
    assert not RULES.names_another("books", [b"orders@books.example"])


@pytest.mark.parametrize(
    "value",
    [
        b"orders@bikes.example",
        b"ada@customer.example",
        b"orders@notbooks.example",
        b"books.example <orders@bikes.example>",
        b"",
        b"@" * 16_000,
        b"(" * 16_000,
    ],
)
def test_ones_own_name_and_a_strangers_are_let_pass(value: bytes) -> None:
    assert not RULES.names_another("bikes", [value])


def test_another_shops_name_in_another_script_is_seen() -> None:
    rules = Admission(
        (BIKES, Shop("buch", senders=frozenset({"xn--bcher-kva.example"}))), lambda _address: None
    )
    assert rules.names_another("bikes", ["a@bücher.example".encode()])
