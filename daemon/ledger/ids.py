"""Ids of rows that come in masses: in the order of their making, so that neighbours lie together.

Like a probe's id, 12 characters of Crockford's base32, but of 40 bits of time and 20 that are
random. Every message puts an id into seven indexes. With random ones each of these is a page of its
own to be read and written: 14 pages a message once there are 200,000, and half as many like this.
"""

from __future__ import annotations

import secrets
import threading
import time
from itertools import product

from probes.token import ALPHABET

_PAIRS = ["".join(pair) for pair in product(ALPHABET, repeat=2)]
_SHIFTS = range(50, -1, -10)
_SINCE_MS = 1_767_225_600_000  # 2026-01-01
_lock = threading.Lock()
_last = 0


def next_id() -> str:
    """A fresh id, greater than all before it in this process (from whichever thread it is asked).

    Two processes make the same one only if they draw the same of a million numbers in the same
    millisecond; the database refuses the second then. The numbers begin again in the year 2060.
    """
    global _last  # noqa: PLW0603 - the process's own sequence
    time_ms = time.time_ns() // 1_000_000 - _SINCE_MS
    with _lock:
        _last = max(_last + 1, time_ms % 2**40 << 20 | secrets.randbits(20))
        number = _last
    return "".join(_PAIRS[number >> shift & 1023] for shift in _SHIFTS)
