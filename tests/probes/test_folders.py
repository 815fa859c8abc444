from __future__ import annotations

import pytest

from probes.folders import MOST_FOLDERS, Folder, ResolvedBy, resolve
from probes.observation import FolderRole


def folder(name: str, *flags: str, delimiter: str = "/") -> Folder:
    return Folder(name, delimiter, frozenset(flag.lower() for flag in flags))


def spam_of(folders: list[Folder], names: tuple[str, ...] = ()) -> list[str]:
    roles = resolve(folders, names).roles
    return [name for name, role in roles.items() if role is FolderRole.SPAM]


@pytest.mark.parametrize("flag", ["\\Junk", "\\Spam", "\\JUNK"])
def test_a_flag_tells_the_spam_folder_whatever_its_name(flag: str) -> None:
    assert spam_of([folder("INBOX"), folder("Papelera azul", flag)]) == ["Papelera azul"]


def test_a_flag_is_believed_before_a_name_in_another_language() -> None:
    listed = [folder("Spam"), folder("Verdächtig", "\\Junk")]
    assert spam_of(listed) == ["Verdächtig"]
    assert resolve(listed, ()).resolved_by is ResolvedBy.FLAGS


def test_the_provider_s_name_counts_beside_a_flag() -> None:
    assert spam_of([folder("Spam", "\\Junk"), folder("Bulk Mail")], ("Bulk Mail",)) == [
        "Spam",
        "Bulk Mail",
    ]


def test_outlook_s_junk_email_needs_no_flag() -> None:
    listed = [folder("INBOX"), folder("Junk Email"), folder("Spam")]
    resolved = resolve(listed, ("Junk Email",))
    assert resolved.roles["Junk Email"] is FolderRole.SPAM
    assert resolved.roles["Spam"] is FolderRole.OTHER
    assert resolved.resolved_by is ResolvedBy.PROVIDER_NAMES


@pytest.mark.parametrize(
    "name",
    [
        *("Junk-E-Mail", "Spamverdacht", "Unbekannt", "Indésirables", "Pourriel", "SPAM"),
        *("Correo no deseado", "Posta indesiderata", "Спам", "İstenmeyen", "迷惑メール"),
        *("זבל", "דואר זבל", "البريد غير هام", "الرسائل غير المرغوب فيها", "هرزنامه"),
    ],
)
def test_spam_is_recognised_in_many_languages(name: str) -> None:
    assert spam_of([folder("INBOX"), folder("Work"), folder(name)]) == [name]


def test_the_last_part_of_a_name_is_enough_whatever_the_delimiter() -> None:
    assert spam_of([folder("INBOX.Junk", delimiter=".")]) == ["INBOX.Junk"]


def test_a_decomposed_accent_is_the_same_name() -> None:
    assert spam_of([folder("Inde\u0301sirables")]) == ["Inde\u0301sirables"]


def test_without_any_spam_folder_every_folder_is_watched() -> None:
    resolved = resolve([folder("INBOX"), folder("Work"), folder("Paid")], ())
    assert resolved.resolved_by is ResolvedBy.EVERY_FOLDER
    assert resolved.watched(everywhere=False) == ("Work", "Paid", "INBOX")


def test_spam_and_inbox_are_watched_and_the_inbox_comes_last() -> None:
    resolved = resolve([folder("INBOX"), folder("Work"), folder("Spam", "\\Junk")], ())
    assert resolved.watched(everywhere=False) == ("Spam", "INBOX")
    assert resolved.watched(everywhere=True) == ("Spam", "Work", "INBOX")


@pytest.mark.parametrize("flag", ["\\Noselect", "\\NonExistent", "\\Sent", "\\Drafts"])
def test_what_no_mail_arrives_in_is_not_read(flag: str) -> None:
    assert "Box" not in resolve([folder("INBOX"), folder("Box", flag)], ("Box",)).roles


def test_the_inbox_is_there_once_in_whatever_case_it_is_listed() -> None:
    assert resolve([folder("Inbox"), folder("Spam")], ()).roles == {
        "INBOX": FolderRole.INBOX,
        "Spam": FolderRole.SPAM,
    }


def test_a_thousand_folders_hide_no_spam_folder() -> None:
    listed = [folder(f"Project {number}") for number in range(1000)]
    resolved = resolve([*listed, folder("Spam", "\\Junk")], ())
    assert resolved.roles["Spam"] is FolderRole.SPAM
    assert len(resolved.watched(everywhere=True)) == MOST_FOLDERS + 2
