"""What DNS tells about an address, over a real socket."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from probes.addressee import Addressee, Addressees, ProviderBy, Verdict, examine, provider_of
from probes.addressee.mail_servers import MailServers
from probes.addressee.memory import KEPT, KEPT_IN_TROUBLE, Memory
from tests.probes.dns_stub import DnsStub

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def stub() -> Iterator[DnsStub]:
    with DnsStub() as stub:
        stub.add("shop.test", "MX", "20 backup.shop.test", "10 MX.shop.test")
        for host in ("mx.shop.test", "backup.shop.test", "aspmx.l.google.com", "mx.yahoodns.net"):
            stub.add(host, "A", "127.0.0.1")
        yield stub


def serve(stub: DnsStub, domain: str, host: str) -> None:
    """Let `domain` have one mail exchanger, with an address."""
    stub.add(domain, "MX", f"10 {host}")
    stub.add(host, "A", "127.0.0.1")


async def look(stub: DnsStub, address: str) -> Addressee:
    return await examine(address, stub.resolver(timeout_s=1.0))


async def test_a_domain_with_mail_exchangers_looks_deliverable_best_host_first(
    stub: DnsStub,
) -> None:
    found = await look(stub, "Sara+1@Shop.TEST")
    assert (found.address, found.verdict) == ("Sara+1@shop.test", Verdict.DELIVERABLE)
    assert found.mx == ("mx.shop.test", "backup.shop.test")
    assert (found.provider, found.provider_by, found.suggestion) == (None, None, None)
    assert (found.disposable, found.role, found.remedy) == (False, False, None)
    assert not found.takes_no_mail


@pytest.mark.parametrize("record", ["0 .", "10 ."])
async def test_a_null_mx_takes_no_mail_although_the_domain_has_an_address(
    stub: DnsStub, record: str
) -> None:
    stub.add("null.test", "MX", record)
    stub.add("null.test", "A", "127.0.0.1")
    found = await look(stub, "a@null.test")
    assert (found.verdict, found.mx) == (Verdict.NULL_MX, ())
    assert found.takes_no_mail
    assert "null MX" in found.sentence


async def test_a_null_mx_beside_a_real_one_is_passed_over(stub: DnsStub) -> None:
    stub.add("both.test", "MX", "0 .", "10 mx.shop.test")
    found = await look(stub, "a@both.test")
    assert (found.verdict, found.mx) == (Verdict.DELIVERABLE, ("mx.shop.test",))


@pytest.mark.parametrize(("rdtype", "value"), [("A", "127.0.0.1"), ("AAAA", "::1")])
async def test_without_mx_the_domain_s_own_address_takes_the_mail(
    stub: DnsStub, rdtype: str, value: str
) -> None:
    stub.add("plain.test", rdtype, value)
    found = await look(stub, "a@plain.test")
    assert (found.verdict, found.mx) == (Verdict.DELIVERABLE, ("plain.test",))


async def test_with_mx_the_domain_s_own_address_is_of_no_use(stub: DnsStub) -> None:
    stub.add("dead.test", "A", "127.0.0.1")
    stub.add("dead.test", "MX", "10 gone.dead.test", "20 mx.gone.test")
    assert (await look(stub, "a@dead.test")).verdict is Verdict.NO_SERVER


async def test_a_domain_without_any_record_of_use_has_no_mail_server(stub: DnsStub) -> None:
    stub.add("text.test", "TXT", "hello")
    found = await look(stub, "a@text.test")
    assert found.verdict is Verdict.NO_SERVER
    assert found.takes_no_mail
    assert found.remedy == "Ask the customer for another address."


async def test_a_domain_that_does_not_exist_is_said_so(stub: DnsStub) -> None:
    assert (await look(stub, "a@nobody.test")).verdict is Verdict.NO_DOMAIN


async def test_a_cname_is_followed(stub: DnsStub) -> None:
    stub.add("alias.test", "CNAME", "shop.test")
    assert (await look(stub, "a@alias.test")).mx == ("mx.shop.test", "backup.shop.test")


async def test_servfail_and_silence_say_nothing_about_the_address(stub: DnsStub) -> None:
    stub.servfail.add("broken.test")
    stub.silent.add("silent.test")
    resolver = stub.resolver(timeout_s=0.2)
    stub.servfail.add("gmail.co")
    for domain in ("broken.test", "silent.test", "gmail.co"):
        found = await examine(f"a@{domain}", resolver)
        assert (found.verdict, found.suggestion, found.remedy) == (Verdict.UNKNOWN, None, None)
        assert not found.takes_no_mail


async def test_trouble_with_the_exchanger_s_own_name_says_nothing_either(stub: DnsStub) -> None:
    stub.servfail.add("mx.broken.test")
    stub.add("half.test", "MX", "10 mx.broken.test")
    stub.add("whole.test", "MX", "10 mx.broken.test", "20 mx.shop.test")
    assert (await look(stub, "a@half.test")).verdict is Verdict.UNKNOWN
    assert (await look(stub, "a@whole.test")).verdict is Verdict.DELIVERABLE


async def test_a_hundred_exchangers_cost_few_questions(stub: DnsStub) -> None:
    stub.add("many.test", "MX", *(f"{n} mx{n}.gone.test" for n in range(100)))
    found = await look(stub, "a@many.test")
    assert (found.verdict, len(found.mx)) == (Verdict.UNKNOWN, 10)
    assert len(stub.questions) <= 7


async def test_dead_name_servers_hold_it_no_longer_than_twice_the_timeout(stub: DnsStub) -> None:
    stub.add("slow.test", "MX", *(f"{n} mx{n}.slow.test" for n in range(9)))
    stub.silent |= {f"mx{n}.slow.test" for n in range(9)}
    started = asyncio.get_running_loop().time()
    found = await examine("a@slow.test", stub.resolver(timeout_s=0.2))
    assert found.verdict is Verdict.UNKNOWN
    assert asyncio.get_running_loop().time() - started < 2
    assert {name for name, _ in stub.questions} <= {"slow.test", "mx0.slow.test", "mx1.slow.test"}


@pytest.mark.parametrize(
    ("domain", "host", "provider", "by"),
    [
        ("gmail.com", "gmail-smtp-in.l.google.com", "gmail", ProviderBy.DOMAIN),
        ("tea.example", "aspmx.l.google.com", "gmail", ProviderBy.MX),
        ("tea.example", "tea-example.mail.protection.outlook.com", "outlook", ProviderBy.MX),
        ("tea.example", "tea-example.o-v1.mx.microsoft", "outlook", ProviderBy.MX),
        ("cox.net", "cxr.mx.a.cloudfilter.net", "cox", ProviderBy.DOMAIN),
        ("comcast.net", "mx1a1.comcast.net", "comcast", ProviderBy.DOMAIN),
        # moved away: the mail exchanger knows it before any list does
        ("comcast.net", "mx.mail.am0.yahoodns.net", "yahoo", ProviderBy.MX),
        ("bücher.example", "mx.yandex.net", "yandex", ProviderBy.MX),
        ("tea.example", "mx.tea.example", None, None),
    ],
)
async def test_the_provider_is_known_by_domain_or_by_mail_exchanger(
    stub: DnsStub, domain: str, host: str, provider: str | None, by: ProviderBy | None
) -> None:
    serve(stub, domain, host)
    found = await look(stub, f"a@{domain}")
    assert (found.provider, found.provider_by) == (provider, by)
    assert await provider_of(f"a@{domain}", stub.resolver()) == provider


async def test_a_backup_exchanger_at_a_provider_does_not_make_it_the_provider(
    stub: DnsStub,
) -> None:
    stub.add("own.test", "MX", "10 mx.shop.test", "20 aspmx.l.google.com")
    assert (await look(stub, "a@own.test")).provider is None


async def test_the_provider_of_a_known_domain_is_known_without_dns(stub: DnsStub) -> None:
    stub.servfail.add("hotmail.fr")
    found = await look(stub, "a@hotmail.fr")
    assert (found.verdict, found.provider) == (Verdict.UNKNOWN, "outlook")
    assert await provider_of("سارا@hotmail.fr", stub.resolver()) == "outlook"


async def test_an_address_that_is_none_has_no_provider_and_asks_nobody(stub: DnsStub) -> None:
    for text in ("", "@", "sara", "a@localhost", "a@[127.0.0.1]", "x" * 10_000):
        assert await provider_of(text, stub.resolver()) is None
    assert stub.questions == []


async def test_a_slip_s_domain_that_takes_no_mail_leads_to_a_question(stub: DnsStub) -> None:
    found = await look(stub, "sara@gmail.cm")
    assert (found.verdict, found.suggestion) == (Verdict.NO_DOMAIN, "gmail.com")
    assert found.remedy == "Ask the customer whether sara@gmail.com is meant."


async def test_a_squat_is_doubted_although_it_takes_mail_and_a_real_neighbour_is_not(
    stub: DnsStub,
) -> None:
    for domain in ("gmial.com", "mailw.com", "gmail.co"):
        serve(stub, domain, "mx.shop.test")
    squat = await look(stub, "sara@gmial.com")
    assert (squat.verdict, squat.suggestion) == (Verdict.DELIVERABLE, "gmail.com")
    assert "typing error" in squat.sentence
    assert (await look(stub, "sara@mailw.com")).suggestion is None
    assert (await look(stub, "sara@gmail.co")).suggestion is None


async def test_a_letter_of_another_alphabet_is_seen_through(stub: DnsStub) -> None:
    found = await look(stub, "sara@gmaıl.com")
    assert (found.verdict, found.suggestion) == (Verdict.NO_DOMAIN, "gmail.com")
    assert found.address == "sara@xn--gmal-nza.com"


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        *(("sara@@gmail.com", "gmail.com"), ("sara@gmail.com,", "gmail.com")),
        *(("sara@gmail,com", "gmail.com"), ("sara@gmail.com.", "gmail.com")),
        *(("sara@gmail", "gmail.com"), ("sara@gmailcom", "gmail.com")),
        *((" sara@gmail.com ", "gmail.com"), ("Sara <sara@gmail.com>", "gmail.com")),
        *(("sara@tea.example;", "tea.example"), ("sara@bücher.example.", "xn--bcher-kva.example")),
        *(("sa ra@gmail.com", None), ("سارا@gmail.com", None), ("sara", None), ("", None)),
        *(("a@tea.example, b@tea.example", None), ("a@gmail.com\r\nRCPT TO:<b@c.d>", None)),
        ("x" * 100_000 + "@gmail.com,", None),
    ],
)
async def test_what_is_no_address_is_repaired_where_only_punctuation_is_wrong(
    stub: DnsStub, address: str, meant: str | None
) -> None:
    found = await look(stub, address)
    assert (found.verdict, found.suggestion) == (Verdict.SYNTAX, meant)
    assert found.takes_no_mail
    assert found.sentence.isprintable()
    assert (found.remedy or "").endswith(".")
    assert len(found.address) <= 320
    assert stub.questions == []


async def test_hints_are_only_hints(stub: DnsStub) -> None:
    serve(stub, "mailinator.com", "mx.shop.test")
    found = await look(stub, "no-reply@mailinator.com")
    assert (found.disposable, found.role, found.verdict) == (True, True, Verdict.DELIVERABLE)
    assert found.remedy is None


async def test_a_domain_is_asked_for_once_in_six_hours(stub: DnsStub) -> None:
    addressees = Addressees(stub.resolver())
    await asyncio.gather(*(addressees.examine(f"{n}@shop.test", NOW) for n in range(50)))
    await addressees.provider_of("b@SHOP.test", NOW + KEPT - timedelta(seconds=1))
    assert stub.questions.count(("shop.test", "MX")) == 1
    await addressees.examine("a@shop.test", NOW + KEPT)
    assert stub.questions.count(("shop.test", "MX")) == 2


async def test_after_trouble_it_is_asked_for_again_in_five_minutes(stub: DnsStub) -> None:
    addressees = Addressees(stub.resolver())
    stub.servfail.add("shop.test")
    assert (await addressees.examine("a@shop.test", NOW)).verdict is Verdict.UNKNOWN
    stub.servfail.clear()
    early = NOW + KEPT_IN_TROUBLE - timedelta(seconds=1)
    assert (await addressees.examine("a@shop.test", early)).verdict is Verdict.UNKNOWN
    later = NOW + KEPT_IN_TROUBLE
    assert (await addressees.examine("a@shop.test", later)).verdict is Verdict.DELIVERABLE


async def test_one_who_stops_waiting_does_not_stop_it_for_the_others(stub: DnsStub) -> None:
    stub.silent.add("silent.test")
    addressees = Addressees(stub.resolver(timeout_s=0.3))
    gone = asyncio.ensure_future(addressees.examine("a@silent.test", NOW))
    stays = asyncio.ensure_future(addressees.examine("b@silent.test", NOW))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).verdict is Verdict.UNKNOWN
    assert stub.questions.count(("silent.test", "MX")) == 1


def test_the_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory = Memory(largest=3)
    for n in range(10):
        memory.keep(f"{n}.test", MailServers(Verdict.NO_DOMAIN), NOW)
    assert len(memory) == 3
    assert memory.recall("9.test", NOW) == MailServers(Verdict.NO_DOMAIN)
    assert memory.recall("6.test", NOW) is None


def test_what_is_kept_again_is_young_again() -> None:
    memory = Memory(largest=3)
    for domain in ("a.test", "b.test", "a.test", "c.test", "d.test"):
        memory.keep(domain, MailServers(Verdict.NO_DOMAIN), NOW)
    assert memory.recall("a.test", NOW) is not None
    assert memory.recall("b.test", NOW) is None
