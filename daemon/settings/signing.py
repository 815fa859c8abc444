"""DKIM signing, for shops whose routes do not sign by themselves."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretBytes

from daemon.settings.addresses import Domain
from daemon.settings.pem import SigningKeyFile, read_signing_key
from daemon.settings.section import Section

_SELECTOR = re.compile(
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*",
    re.IGNORECASE,
)


def _selector(value: str) -> str:
    if len(value) > 100 or not _SELECTOR.fullmatch(value):
        raise ValueError("must be a DKIM selector, such as shop2026: letters, digits, - and dots")
    return value


class Dkim(Section):
    """The key that signs; its public half stands in DNS at SELECTOR._domainkey.DOMAIN."""

    domain: Domain
    """The domain that signs: that of `from`, so that DMARC is content."""
    selector: Annotated[str, AfterValidator(_selector)]
    """Which of the domain's keys it is."""
    key_file: SigningKeyFile
    """File of the private key in PEM form (RSA or Ed25519), mode 0600."""

    def read_key(self) -> SecretBytes:
        """The key as its file holds it now; raises ValueError when it cannot be read."""
        return read_signing_key(self.key_file)
