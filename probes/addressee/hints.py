"""Hints about an address that decide nothing: throw-away domains, and offices without a person."""

from __future__ import annotations

_DISPOSABLE = frozenset(
    """
    0-mail.com 10minutemail.com 10minutemail.net 1secmail.com 1secmail.net 1secmail.org
    20minutemail.com anonbox.net byom.de deadaddress.com discard.email
    discardmail.com dispostable.com dropmail.me emailfake.com emailondeck.com fakeinbox.com
    fakemail.net filzmail.com getairmail.com getnada.com grr.la guerrillamail.biz
    guerrillamail.com guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org
    guerrillamailblock.com harakirimail.com inboxkitten.com incognitomail.org jetable.org
    luxusmail.org mailcatch.com maildrop.cc mailexpire.com mailinator.com mailinator.net
    mailinator2.com mailnesia.com mailnull.com mailsac.com mailtemp.net meltmail.com mintemail.com
    mohmal.com moakt.cc moakt.com mt2015.com mytemp.email mytrashmail.com nada.email
    objectmail.com oneoffemail.com sharklasers.com spam4.me spambog.com spambox.us spamex.com
    spamgourmet.com temp-mail.io temp-mail.org tempail.com tempinbox.com tempmail.net tempmailo.com
    tempr.email throwam.com throwawaymail.com trash-mail.com trashmail.com trashmail.de
    trashmail.me trashmail.net wegwerfemail.de wegwerfmail.de yopmail.com yopmail.fr yopmail.net
    """.split()  # noqa: SIM905 - a table of words
)

_ROLES = frozenset(
    """
    abuse accounting accounts admin administrator billing bounce bounces compliance contact
    customercare customerservice devnull donotreply dns editor enquiries feedback finance ftp
    help helpdesk hostmaster hr info inquiries invoices it jobs legal list mailerdaemon
    marketing media news newsletter nobody noc noreply office orders postmaster press privacy
    purchasing reception root sales security service shop spam support sysadmin team unsubscribe
    usenet uucp webmaster www
    """.split()  # noqa: SIM905 - as above
)


def is_disposable(domain: str) -> bool:
    """Whether `domain`, or one above it, gives out mailboxes that last for minutes."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in _DISPOSABLE for start in range(len(labels) - 1))


def is_role(local_part: str) -> bool:
    """Whether `local_part` names an office rather than a person (RFC 2142 names some)."""
    name = local_part.partition("+")[0].lower()
    return name.translate(str.maketrans("", "", ".-_")) in _ROLES
