"""Which folders of a mailbox are its spam: flags, the provider's names, then names in any language.

A folder flagged by the server (RFC 6154) is believed, and so is a name known for the provider:
Yahoo flags its spam folder on some accounts only. Names in other languages are a last resort; when
they fail too, every folder must be read, and what is found outside the inbox counts as OTHER.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from probes.observation import FolderRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_FOLDERS = 200
"""Of a mailbox with more other folders only the first are read: each costs commands."""

_SPAM_FLAGS = {"\\junk", "\\spam"}
_CLOSED_FLAGS = {"\\noselect", "\\nonexistent"}
_COPY_FLAGS = {"\\all", "\\flagged", "\\important"}
_OWN_FLAGS = {"\\sent", "\\drafts"}
_LOCALISED = (
    *("spam", "junk", "junk mail", "junk email", "junk e-mail", "bulk", "bulk mail"),
    *("junk-e-mail", "spamverdacht", "spam-verdacht", "unbekannt", "unerwünscht"),
    *("indésirables", "courrier indésirable", "pourriel", "pourriels"),
    *("correo no deseado", "correo basura", "no deseado", "lixo eletrônico", "lixo eletrónico"),
    *("posta indesiderata", "indesiderata", "correo lixo", "correu brossa"),
    *("ongewenste e-mail", "ongewenste mail", "ongewenst"),
    *("skräppost", "søppelpost", "uønsket e-post", "uønsket e-mail", "uønsket mail", "roskaposti"),
    *("wiadomości-śmieci", "niechciane", "nevyžádaná pošta", "levélszemét", "nezaželena pošta"),
    *("mesaje nedorite", "neželjena pošta", "neželena pošta", "rämpspost", "mēstules"),
    *("ανεπιθύμητα", "ανεπιθύμητη αλληλογραφία", "спам", "нежелательная почта", "небажана пошта"),
    *("нежелана поща", "istenmeyen", "istenmeyen e-posta", "gereksiz", "önemsiz e-posta"),
    *("זבל", "דואר זבל", "ספאם"),
    *("البريد غير هام", "البريد غير الهام", "الرسائل غير المرغوب فيها", "بريد مزعج"),
    *("هرزنامه", "ایمیل ناخواسته", "جفنک", "स्पैम", "สแปม", "อีเมลขยะ"),
    *("迷惑メール", "垃圾邮件", "垃圾郵件", "스팸", "스팸메일함", "정크 메일", "thư rác"),
)


class ResolvedBy(StrEnum):
    """How the spam folders of a mailbox were recognised, in words for people."""

    FLAGS = "the server's flags"
    PROVIDER_NAMES = "the provider's folder names"
    LOCALISED_NAMES = "folder names in other languages"
    EVERY_FOLDER = "nothing: every folder is read"


@dataclass(frozen=True, slots=True)
class Folder:
    """One line of LIST: its name decoded from modified UTF-7, its flags in lower case."""

    name: str
    delimiter: str
    flags: frozenset[str]

    @property
    def readable(self) -> bool:
        """Whether arriving mail could be in it; what the user himself wrote is not looked at."""
        return not self.flags & (_CLOSED_FLAGS | _OWN_FLAGS)

    @property
    def is_inbox(self) -> bool:
        """INBOX is one name in any case (RFC 3501, 5.1)."""
        return self.name.upper() == "INBOX"

    @property
    def holds_copies(self) -> bool:
        """Whether it shows mail of other folders once more, as Gmail's All Mail does."""
        return bool(self.flags & _COPY_FLAGS)

    def is_named(self, names: Iterable[str]) -> bool:
        """Whether its whole name or the last part of it is one of `names`, in any case."""
        last = self.name.rsplit(self.delimiter, 1)[-1] if self.delimiter else self.name
        return not {_plain(self.name), _plain(last)}.isdisjoint(map(_plain, names))


@dataclass(frozen=True, slots=True)
class Folders:
    """The readable folders of a mailbox and what each is."""

    roles: Mapping[str, FolderRole]
    resolved_by: ResolvedBy
    holding_copies: frozenset[str]

    def watched(self, *, everywhere: bool) -> tuple[str, ...]:
        """The folders to read, INBOX last: a message that leaves spam meanwhile is not missed."""
        every = everywhere or self.resolved_by is ResolvedBy.EVERY_FOLDER
        order = (FolderRole.SPAM, FolderRole.OTHER, FolderRole.INBOX)
        return tuple(
            name
            for role in order
            if every or role is not FolderRole.OTHER
            for name, has in self.roles.items()
            if has is role
        )


def resolve(listed: Sequence[Folder], spam_names: Sequence[str]) -> Folders:
    """Give every readable folder its role; INBOX is there even if the server does not list it."""
    readable = [folder for folder in listed if folder.readable and not folder.is_inbox]
    spam, resolved_by = _spam(readable, spam_names)
    others = [folder for folder in readable if folder not in spam][:MOST_FOLDERS]
    roles = {
        "INBOX": FolderRole.INBOX,
        **{folder.name: FolderRole.SPAM for folder in spam},
        **{folder.name: FolderRole.OTHER for folder in others},
    }
    copies = frozenset(folder.name for folder in readable if folder.holds_copies)
    return Folders(roles, resolved_by, copies)


def _spam(readable: Sequence[Folder], names: Sequence[str]) -> tuple[list[Folder], ResolvedBy]:
    flagged = [folder for folder in readable if folder.flags & _SPAM_FLAGS]
    named = [folder for folder in readable if folder not in flagged and folder.is_named(names)]
    if flagged or named:
        by = ResolvedBy.FLAGS if flagged else ResolvedBy.PROVIDER_NAMES
        return [*flagged, *named], by
    localised = [folder for folder in readable if folder.is_named(_LOCALISED)]
    return localised, ResolvedBy.LOCALISED_NAMES if localised else ResolvedBy.EVERY_FOLDER


def _plain(name: str) -> str:
    """One spelling per name, however its accents are composed; a Turkish İ becomes a plain i."""
    return unicodedata.normalize("NFKC", name).casefold().replace("\u0307", "")
