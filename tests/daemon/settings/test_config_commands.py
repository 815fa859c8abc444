from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from daemon.commands.config import app, effective
from daemon.settings import load
from daemon.settings.example import example, schema
from tests.daemon.settings.conftest import PASSWORD
from tests.daemon.settings.test_loading import loaded

if TYPE_CHECKING:
    from pathlib import Path


def ran(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_example_and_schema_go_to_stdout() -> None:
    assert ran("example") == (0, example(), "")
    code, printed, _ = ran("schema")
    assert (code, json.loads(printed)) == (0, schema())


def test_what_is_shown_is_a_settings_file_of_the_same_meaning(folder: Path) -> None:
    settings = loaded(folder)
    code, shown, said = ran("show", "--config", str(folder / "receiptwatch.yaml"))
    again = folder / "again.yaml"
    again.write_text(shown)
    assert (code, said) == (0, "")
    assert load(again) == settings


def test_what_is_shown_as_json_has_every_default_and_no_secret(folder: Path) -> None:
    settings = loaded(folder)
    code, shown, _ = ran("show", "--config", str(folder / "receiptwatch.yaml"), "--json")
    assert code == 0
    assert json.loads(shown) == effective(settings)
    assert json.loads(shown)["cadence"]["primary"] == "20m"
    assert json.loads(shown)["seeds"][0]["login"]["password_file"] == f"{folder}/good.password"
    assert PASSWORD not in shown


def test_a_bad_file_ends_with_2_and_says_all_on_stderr(folder: Path) -> None:
    (folder / "bad.yaml").write_text("databse: x\n")
    code, shown, said = ran("show", "--config", str(folder / "bad.yaml"))
    assert (code, shown) == (2, "")
    assert "did you mean `database`?" in said
    assert len(said.splitlines()) == 4
