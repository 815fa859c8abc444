"""Who runs a customer's mailbox: a name, and the domains and mail exchangers that tell it.

A provider whose mailboxes can be seeds is described once, in `probes.mailboxes`; one whose
mailboxes nobody has to read is described here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of mailboxes; the fields are as in `probes.mailbox_kind.MailboxKind`."""

    name: str
    title: str
    domains: tuple[str, ...]
    mx_suffixes: tuple[str, ...]


WITHOUT_SEEDS = (
    Provider(
        "att",
        "AT&T",
        domains=(
            *("att.net", "sbcglobal.net", "bellsouth.net", "ameritech.net", "pacbell.net"),
            *("swbell.net", "prodigy.net", "flash.net", "snet.net", "nvbell.net"),
        ),
        mx_suffixes=("prodigy.net",),
    ),
    # Since 2024 most of these mailboxes are Yahoo's; where the MX says so, Yahoo it is.
    Provider("cox", "Cox", ("cox.net",), ("cxr.mx.a.cloudfilter.net",)),
    Provider(
        "earthlink",
        "EarthLink",
        domains=("earthlink.net", "mindspring.com", "peoplepc.com", "onemain.com"),
        mx_suffixes=("earthlink.net", "earthlink-vadesecure.net", "oxsus-vadesecure.net"),
    ),
    Provider(
        "juno",
        "Juno and NetZero",
        domains=("juno.com", "netzero.net", "netzero.com"),
        mx_suffixes=("untd.com",),
    ),
    Provider(
        "mailcom",
        "mail.com",
        domains=(
            *("mail.com", "email.com", "usa.com", "post.com", "europe.com", "asia.com"),
            *("iname.com", "myself.com", "consultant.com", "engineer.com", "techie.com"),
            *("writeme.com", "cheerful.com", "dr.com", "workmail.com", "accountant.com"),
        ),
        mx_suffixes=("mail.com",),
    ),
    Provider(
        "mailru",
        "Mail.ru",
        domains=("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru", "xmail.ru"),
        mx_suffixes=("mail.ru",),
    ),
    Provider(
        "netease",
        "NetEase",
        domains=("163.com", "126.com", "yeah.net", "vip.163.com", "vip.126.com"),
        mx_suffixes=("netease.com",),
    ),
    Provider(
        "proton",
        "Proton Mail",
        domains=("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        mx_suffixes=("protonmail.ch",),
    ),
    Provider("qq", "QQ Mail", ("qq.com", "foxmail.com", "vip.qq.com"), ("qq.com",)),
    Provider(
        "spectrum",
        "Spectrum",
        domains=("charter.net", "roadrunner.com", "twc.com", "rr.com"),
        mx_suffixes=("charter.net",),
    ),
    Provider("tonline", "Telekom", ("t-online.de", "magenta.de"), ("t-online.de",)),
    Provider(
        "tuta",
        "Tuta",
        domains=(
            *("tuta.com", "tuta.io", "tutamail.com", "tutanota.com", "tutanota.de"),
            "keemail.me",
        ),
        mx_suffixes=("tutanota.de",),
    ),
    Provider("webde", "WEB.DE", ("web.de",), ("web.de",)),
    Provider("yahoojapan", "Yahoo! JAPAN", ("yahoo.co.jp", "ymail.ne.jp"), ("yahoo.co.jp",)),
    Provider(
        "yandex",
        "Yandex",
        domains=(
            *("yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua"),
            *("yandex.com.tr", "ya.ru"),
        ),
        mx_suffixes=("yandex.ru", "yandex.net"),
    ),
    Provider(
        "zoho",
        "Zoho Mail",
        domains=("zoho.com", "zohomail.com", "zoho.eu", "zohomail.eu", "zoho.in", "zohomail.in"),
        mx_suffixes=("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zohomail.com"),
    ),
)
