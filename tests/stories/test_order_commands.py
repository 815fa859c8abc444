"""What people do at the command line with orders, mails, the queue, suppressions and logins."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete
from typer.testing import CliRunner

from daemon.cli import app
from daemon.ledger.schema import message_raws
from daemon.lifecycles.arrival import IntakeMode
from tests.stories.ledger_of_orders import BOB, HOSTILE, arrival, sales

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery"


def shop(name: str) -> dict[str, Any]:
    sender = {"from": f"Shop <orders@{name}.example>", "smtp": {"host": f"smtp.{name}.example"}}
    routes = [
        {"name": "primary", "role": "primary", **sender},
        {"name": "backup", "role": "fallback", **sender},
    ]
    return {
        "name": name,
        "title": name,
        "languages": ["en"],
        "currency": "EUR",
        "routes": routes,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A settings file of two shops, with an empty ledger."""
    (tmp_path / "secret").write_text("a secret of thirty-two bytes or more\n")
    (tmp_path / "secret").chmod(0o600)
    login = {"kind": "password", "password_file": "secret"}
    seed = {"name": "gmail-1", "provider": "gmail", "address": "seed@gmail.com", "login": login}
    settings = {
        "database": "sqlite:///ledger.db",
        "secret_key_file": "secret",
        "seeds": [seed],
        "shops": [shop("tea"), shop("hats")],
    }
    (tmp_path / "receiptwatch.yaml").write_text(json.dumps(settings))
    return tmp_path


def ran(folder: Path, *arguments: str, typed: str = "") -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a verb, run in this process."""
    config = ["--config", str(folder / "receiptwatch.yaml")]
    result = CliRunner().invoke(app, [*arguments, *config], input=typed, env={"COLUMNS": "200"})
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, result.stdout, result.stderr


def told(folder: Path, *arguments: str) -> Any:
    code, out, said = ran(folder, *arguments, "--json")
    assert (code, said) == (0, "")
    return json.loads(out)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of receipts that met what receipts meet; `ids.json` names their mails."""
    made = tmp_path_factory.mktemp("full")
    asyncio.run(fill(made))
    return made


@pytest.fixture
def filled(folder: Path, full: Path) -> Path:
    """The settings of two shops with a copy of that ledger."""
    shutil.copytree(full, folder, dirs_exist_ok=True)
    return folder


async def fill(folder: Path) -> None:
    async with sales(folder) as shop:
        mails = {
            "sent": await shop.sold("Your order 1001", "1001"),
            "dispatched": await shop.sold("Order 1001 is on its way", "1001"),
            "hats": await shop.sold("Your hat", "1001", shop="hats"),
            "failed over": await shop.sold("Your order 1002", "1002"),
            "doubtful": await shop.sold("Your order 1003", "1003"),
            "held": await shop.sold(HOSTILE, "1004"),
            "deferred": await shop.sold("Your order 1005", "1005"),
            "odd": await shop.sold("Welcome to our shop"),
            "copy": await shop.sold("Your order 1006", "1006", mode=IntakeMode.COPY),
        }
        await shop.accepted(mails["sent"])
        await shop.accepted(mails["dispatched"])
        await shop.came_back(mails["dispatched"])
        await shop.refused_then_taken_over(mails["failed over"])
        await shop.accepted(mails["failed over"])
        await shop.in_doubt(mails["doubtful"])
        await shop.held(mails["held"])
        await shop.deferred(mails["deferred"])
    (folder / "ids.json").write_text(json.dumps(mails))


def mail(filled: Path, name: str) -> str:
    return str(json.loads((filled / "ids.json").read_text())[name])


def steps(filled: Path, number: str) -> list[list[str]]:
    receipts = told(filled, "order", "show", number, "--shop", "tea")["receipts"]
    return [[step["said"] for step in receipt["steps"]] for receipt in receipts]


def test_an_order_tells_the_story_of_each_of_its_receipts(filled: Path) -> None:
    confirmation, dispatch = steps(filled, "1001")
    assert confirmation[0] == "The shop handed it in, for bob@mailbox.example."
    assert "Accepted by smtp.tea.example" in confirmation[1]
    assert "not proof of the inbox" in confirmation[1]
    assert dispatch[-1] == ("It came back. This address does not exist. Often a typing mistake.")


def test_the_smtp_line_stands_behind_each_step(filled: Path) -> None:
    code, shown, _ = ran(filled, "order", "show", "1002")
    assert code == 0
    lines = [line.strip() for line in shown.splitlines()]
    refused = next(at for at, line in enumerate(lines) if "refused the shop's mail." in line)
    assert "Neither SPF nor DKIM passed. To do: Sign with DKIM." in lines[refused]
    assert lines[refused + 1] == "at rcpt: 550 5.7.26 unauthenticated"
    assert lines[refused + 2].endswith("primary refused it: backup takes over.")
    assert lines[-1] == "smtp.tea.example, TLSv1.3, at data: 250 2.0.0 Ok: queued as 4FZ"


def test_a_deferred_receipt_says_when_it_is_tried_next(filled: Path) -> None:
    [[_, deferred]] = steps(filled, "1005")
    assert "asked us to try later" in deferred
    assert "Next try 2026-01-05 " in deferred


def test_a_number_that_two_shops_have_is_asked_about(filled: Path) -> None:
    assert ran(filled, "order", "show", "1001") == (
        2,
        "",
        "Several shops have an order '1001': write --shop with one of: hats, tea.\n",
    )
    [[arrival]] = [
        [step["said"] for step in one["steps"]]
        for one in told(filled, "order", "show", "1001", "--shop", "hats")["receipts"]
    ]
    assert arrival.startswith("The shop handed it in")


def test_an_order_is_also_found_by_its_id(filled: Path) -> None:
    order = told(filled, "order", "show", "1003")["order"]
    assert told(filled, "order", "show", order["id"])["order"] == order


def test_one_shop_does_not_see_anothers_order(filled: Path) -> None:
    order = told(filled, "order", "show", "1003")["order"]
    for name in ("1003", order["id"]):
        assert ran(filled, "order", "show", name, "--shop", "hats")[0] == 2
    assert told(filled, "order", "list", "--shop", "hats")["orders"][0]["order"]["shop"] == "hats"
    doubtful = mail(filled, "doubtful")
    assert ran(filled, "mail", "show", doubtful, "--shop", "hats")[0] == 2
    assert ran(filled, "mail", "show", doubtful, "--raw", "--shop", "hats")[0] == 2
    assert ran(filled, "mail", "resend", doubtful, "--yes", "--shop", "hats")[0] == 1


def test_what_is_not_there_is_said_with_what_to_do(filled: Path) -> None:
    code, _, said = ran(filled, "order", "show", "4711\x1b[31m")
    assert code == 2
    assert said.startswith("There is no order '4711\\x1b[31m'.")
    assert "mail list --search" in said
    assert ran(filled, "mail", "show", "X")[::2][0] == 2
    assert ran(filled, "mail", "resend", "X")[::2] == (1, "There is no mail 'X'.\n")
    assert "did you mean hats" in ran(filled, "order", "list", "--shop", "hat")[2]


def test_orders_are_listed_newest_first_and_a_receipt_without_an_order_stands_alone(
    filled: Path,
) -> None:
    listed = told(filled, "order", "list")["orders"]
    numbers = [row["order"] and row["order"]["number"] for row in listed]
    assert numbers == ["1006", None, "1005", "1004", "1003", "1002", "1001", "1001"]
    assert [receipt["state"] for receipt in listed[-1]["receipts"]] == ["bounced", "watched"]
    assert f"none (mail {mail(filled, 'odd')})" in ran(filled, "order", "list")[1]


def test_orders_are_looked_for_and_limited(filled: Path) -> None:
    def found(*options: str) -> list[str]:
        rows = told(filled, "order", "list", *options)["orders"]
        return [row["order"]["number"] for row in rows]

    assert found("--search", "1003") == ["1003"]
    assert found("--search", "your hat") == ["1001"]
    assert found("--state", "in_doubt") == ["1003"]
    assert found("--limit", "1") == ["1006"]
    assert ran(filled, "order", "list", "--search", "100%")[1] == "No receipt fits.\n"


def test_mails_are_listed_with_what_they_are_about(filled: Path) -> None:
    rows = told(filled, "mail", "list", "--search", "1002")["mails"]
    [row] = rows
    assert (row["id"], row["number"]) == (mail(filled, "failed over"), "1002")
    assert len(told(filled, "mail", "list")["mails"]) == 9


def test_a_mails_text_comes_out_byte_for_byte(filled: Path) -> None:
    words = ["mail", "show", mail(filled, "sent"), "--raw"]
    result = CliRunner().invoke(app, [*words, "--config", str(filled / "receiptwatch.yaml")])
    assert result.stdout_bytes == arrival("Your order 1001").raw


def test_a_message_is_found_by_its_own_id_too_but_not_by_another_shop(filled: Path) -> None:
    message = told(filled, "mail", "show", mail(filled, "sent"))["message"]["id"]
    assert ran(filled, "mail", "show", message, "--raw")[1].startswith("Subject: Your order 1001")
    assert ran(filled, "mail", "show", message, "--raw", "--shop", "hats")[:2] == (2, "")


def test_a_copy_is_told_as_one_and_never_sent_by_us(filled: Path) -> None:
    assert steps(filled, "1006") == [["A copy came in; the shop sends the receipt itself."]]
    copy = mail(filled, "copy")
    code, _, said = ran(filled, "mail", "resend", copy, "--yes")
    assert (code, said) == (
        1,
        f"Mail {copy} is not sent again: it is watched, and nothing says that it was lost.\n",
    )


def test_nothing_that_strangers_wrote_steers_the_terminal(filled: Path) -> None:
    held = mail(filled, "held")
    for verb in (["order", "show", "1004"], ["order", "list"], ["mail", "list"], ["queue"]):
        for form in ([], ["--json"]):
            code, shown, _ = ran(filled, *verb, *form)
            assert code == 0
            assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown), verb
    shown = ran(filled, "mail", "show", held)[1]
    assert "Pay\ufffd]0;owned\ufffd \ufffd31m\ufffdevil [red]now[/]" in shown
    assert told(filled, "mail", "show", held)["message"]["subject"] == HOSTILE


async def forget_text(folder: Path, message: str) -> None:
    async with sales(folder) as shop, shop.ledger.write() as conn:
        await conn.execute(delete(message_raws).where(message_raws.c.message == message))


def test_a_text_that_is_no_longer_kept_is_neither_shown_nor_sent(filled: Path) -> None:
    held = mail(filled, "held")
    asyncio.run(forget_text(filled, told(filled, "mail", "show", held)["message"]["id"]))
    gone = (1, f"The text of mail {held} is no longer kept.\n")
    assert ran(filled, "mail", "show", held, "--raw")[::2] == gone
    assert ran(filled, "mail", "resend", held, "--yes")[::2] == gone


def test_a_receipt_in_doubt_is_sent_again_only_when_a_person_says_so(filled: Path) -> None:
    doubtful = mail(filled, "doubtful")
    code, shown, _ = ran(filled, "mail", "resend", doubtful, typed="n\n")
    assert code == 1
    assert "bob@mailbox.example may get it twice" in shown
    assert told(filled, "mail", "show", doubtful)["state"] == "in_doubt"
    code, shown, _ = ran(
        filled, "mail", "resend", doubtful, "--route", "backup", "--by", "Mina", typed="y\n"
    )
    assert code == 0
    assert "waits to be sent to bob@mailbox.example by backup" in shown
    now = told(filled, "mail", "show", doubtful)
    assert now["state"] == "received"
    assert now["steps"][1]["said"].startswith("All of it was handed over by primary")
    assert now["steps"][-1]["said"] == "A person has it sent again, by backup."
    assert ran(filled, "mail", "resend", doubtful, "--yes")[::2] == (
        1,
        f"Mail {doubtful} is not sent again: it is on its way.\n",
    )


def test_what_was_held_or_came_back_may_be_sent_again(filled: Path) -> None:
    for name in ("held", "dispatched"):
        assert ran(filled, "mail", "resend", mail(filled, name), "--yes")[0] == 0
        assert told(filled, "mail", "show", mail(filled, name))["attempts"][-1]["cause"] == "person"


def test_nothing_is_sent_again_by_a_route_that_is_not_there(filled: Path) -> None:
    said = ran(filled, "mail", "resend", mail(filled, "held"), "--yes", "--route", "third")
    assert said[::2] == (2, "tea has no route 'third'; there are: primary, backup.\n")


def test_nothing_is_sent_again_to_an_address_that_takes_no_mail(filled: Path) -> None:
    assert ran(filled, "suppress", "add", BOB, "--shop", "tea")[0] == 0
    code, _, said = ran(filled, "mail", "resend", mail(filled, "held"), "--yes")
    assert code == 1
    assert "take it off first" in said


def test_the_queue_says_what_waits_and_what_waits_for_a_person(filled: Path) -> None:
    queue = told(filled, "queue")
    routes = {(row["shop"], row["route"]): row for row in queue["routes"]}
    assert {key: row["waiting"] for key, row in routes.items()} == {
        ("hats", "primary"): 1,
        ("tea", "primary"): 2,
    }
    assert routes["tea", "primary"]["next_due_at"] is not None
    stuck = {(row["shop"], row["state"]): row["mails"] for row in queue["stuck"]}
    assert stuck == {("tea", "held"): 1, ("tea", "in_doubt"): 1}
    assert len(queue["first"]) == 3
    shown = ran(filled, "queue")[1]
    assert "tea: 1 in doubt: it may have arrived or not" in shown
    assert "receiptwatch mail list --state held --shop tea" in shown
    hats = told(filled, "queue", "--shop", "hats")
    assert ([row["shop"] for row in hats["routes"]], hats["stuck"]) == (["hats"], [])


def test_an_empty_ledger_has_an_empty_queue(folder: Path) -> None:
    assert ran(folder, "queue") == (0, "Nothing waits to be sent.\n", "")


def test_an_address_is_suppressed_listed_and_taken_off(folder: Path) -> None:
    add = ("suppress", "add", "Bob@Mailbox.example", "--shop", "tea")
    assert ran(folder, *add, "--by", "Mina", "--reason", "asked us [not] to") == (
        0,
        "tea writes to Bob@mailbox.example no more.\n",
        "",
    )
    [row] = told(folder, "suppress", "list")["suppressions"]
    assert (row["address"], row["by"]) == ("Bob@mailbox.example", "Mina")
    assert "asked us [not] to" in ran(folder, "suppress", "list")[1]
    assert told(folder, "suppress", "list", "--shop", "hats") == {"suppressions": []}
    again = ran(folder, *add)
    assert (again[0], again[2]) == (1, "Bob@mailbox.example is on the list of tea already.\n")
    remove = ("suppress", "rm", "Bob@mailbox.EXAMPLE", "--shop", "tea")
    assert ran(folder, *remove) == (0, "tea may write to Bob@mailbox.example again.\n", "")
    assert ran(folder, *remove)[::2] == (1, "Bob@mailbox.example is not on the list of tea.\n")
    assert ran(folder, "suppress", "list")[1] == "No address is suppressed.\n"


def test_whose_list_it_is_must_be_said_where_there_are_many(folder: Path) -> None:
    asked = ran(folder, "suppress", "add", "bob@mailbox.example")
    assert asked[::2] == (2, "Which shop? Write --shop with one of: tea, hats.\n")
    misspelt = ran(folder, "suppress", "add", "bob@mailbox.example", "--shop", "hat")
    assert misspelt[::2] == (2, "The settings name no shop 'hat'; did you mean hats?\n")


def test_what_is_no_address_is_not_suppressed(folder: Path) -> None:
    code, _, said = ran(folder, "suppress", "add", "bob@x\x1b[31m", "--shop", "tea")
    assert code == 1
    assert "has a domain that is no valid name" in said
    assert "\x1b" not in said


def hashed(*options: str, typed: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["password", *options], input=typed)
    return result.exit_code, result.stdout, result.stderr


def test_a_password_becomes_a_hash_that_the_settings_take(folder: Path) -> None:
    file = folder / "tea.hash"
    code, out, said = hashed("--write", str(file), typed=f"{PASSWORD}\n")
    assert (code, out) == (0, "")
    assert PASSWORD not in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PasswordHasher().verify(file.read_text().strip(), PASSWORD)
    path = folder / "receiptwatch.yaml"
    settings = json.loads(path.read_text())
    login = {"mode": "relay", "username": "tea", "password_hash_file": "tea.hash"}
    settings["shops"][0]["intake"] = login
    settings["intake"] = {"listen": [{"address": "127.0.0.1:2525", "tls": "none"}]}
    path.write_text(json.dumps(settings))
    assert ran(folder, "config", "show")[0] == 0


def test_a_hash_is_printed_alone() -> None:
    code, out, said = hashed(typed=f"{PASSWORD}\n")
    assert (code, said) == (0, "")
    assert PasswordHasher().verify(out.strip(), PASSWORD)


@pytest.mark.parametrize("typed", ["", "\n", "short\n", "x" * 300 + "\n", "with\x07a bell in it\n"])
def test_a_password_that_is_weak_or_cannot_be_typed_is_refused(typed: str) -> None:
    code, out, said = hashed(typed=typed)
    assert (code, out) == (2, "")
    assert "characters" in said


def test_an_older_hash_is_never_overwritten(folder: Path) -> None:
    file = folder / "tea.hash"
    file.write_text("older")
    code, _, said = hashed("--write", str(file), typed=f"{PASSWORD}\n")
    assert code == 1
    assert "is left as it is" in said
    assert file.read_text() == "older"


def test_a_password_typed_at_a_terminal_is_asked_twice_and_never_shown() -> None:
    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "daemon", "password"]
    with subprocess.Popen(arguments, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as child:
        os.close(theirs)
        seen = typed_at(ours, b"Password: ") + typed_at(ours, b"confirmation: ")
        assert child.stdout
        out = child.stdout.read().decode().strip()
        assert child.wait(30) == 0
    os.close(ours)
    assert PASSWORD.encode() not in seen
    assert PasswordHasher().verify(out, PASSWORD)


def typed_at(terminal: int, prompt: bytes) -> bytes:
    """Wait for the prompt, type the password, and return all that was shown."""
    seen = b""
    while prompt not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, f"{PASSWORD}\n".encode())
    return seen
