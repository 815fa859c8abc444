"""What can be known of a customer's address without writing to it.

`examine` looks at one address, `Addressees` at many and remembers; `suggest` corrects a domain's
typing errors without asking anybody; `PROVIDERS` are those who run mailboxes.
"""

from probes.addressee.addressees import Addressees, examine, provider_of
from probes.addressee.providers import PROVIDERS
from probes.addressee.typing_errors import suggest
from probes.addressee.verdict import Addressee, ProviderBy, Verdict

__all__ = [
    "PROVIDERS",
    "Addressee",
    "Addressees",
    "ProviderBy",
    "Verdict",
    "examine",
    "provider_of",
    "suggest",
]
