"""What people do at the command line with orders, mails, the queue, suppressions and logins."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from daemon.cli import app

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
    seed = {"name": "gmail-1", "provider": "gmail", "address": "seed@gmail.com"}
    seed["login"] = {"kind": "password", "password_file": "secret"}
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
