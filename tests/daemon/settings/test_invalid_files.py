"""Every file in invalid/ breaks one rule; its first lines say what must be said about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from daemon.settings import SettingsError, load

INVALID = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))
MARK = "# expect: "


def expected(file: Path) -> list[str]:
    lines = file.read_text().splitlines()
    return [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]


def test_there_is_a_file_for_every_rule() -> None:
    assert len(INVALID) >= 30
    assert all(expected(file) for file in INVALID)


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_its_place_and_remedy(file: Path, folder: Path) -> None:
    copy = folder / "receiptwatch.yaml"
    shutil.copyfile(file, copy)
    with pytest.raises(SettingsError) as refused:
        load(copy)
    said = str(refused.value).replace(f"{copy}:", "").replace(str(folder), "FOLDER").splitlines()
    assert said == expected(file)
