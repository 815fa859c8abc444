"""flufl.bounce's detectors, for recipients only.

They take temporary failures for permanent ones, name addresses in ordinary mail, and raise on some
files: so they are asked late, and never believed on anything but an address.
"""

from __future__ import annotations

import logging
from email import message_from_bytes, policy

from flufl.bounce import all_failures

# It logs each exception with its whole traceback, thousands of lines for a recursion.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

LONGEST = 128 * 1024
LONGEST_LINE = 998
MOST_LINES = 2_000
"""Each costs some sixty searches."""


def recipients(even: bytes) -> tuple[str, ...]:
    """Addresses that the detectors name in a message with LF line ends, in no special order."""
    lines = (line[:LONGEST_LINE] for line in even[:LONGEST].split(b"\n")[:MOST_LINES])
    try:
        message = message_from_bytes(b"\n".join(lines), policy=policy.compat32)
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 - a detector's defect must not cost the other sources
        return ()
    found = sorted(permanent or temporary)
    return tuple(address.decode("ascii", "replace") for address in found)
