"""Opens many mailboxes in threads of a fresh process and prints its resident memory in octets.

Started by the benchmark `probes`, with the scripted server's port and the number of mailboxes.
"""

from __future__ import annotations

import sys
import threading

import psutil

from probes.endpoint import Endpoint, Password, Tls
from probes.mailbox import Account, Mailbox
from probes.mailboxes import gmail
from tests.probes.seeded_mail import ADDRESS, KEY


def hold(port: int, count: int) -> int:
    """Resident memory with `count` mailboxes open, each after one look, all of them idling."""
    endpoint = Endpoint("localhost", port, Tls.IMPLICIT, timeout_s=120)
    login = Password(ADDRESS, "open sesame")
    account = Account("seed", ADDRESS, gmail.MAILBOX, endpoint, login)
    mailboxes = [Mailbox(account, key=KEY) for _ in range(count)]
    ready = threading.Barrier(count + 1)

    def live(mailbox: Mailbox) -> None:
        mailbox.open()
        mailbox.look()
        ready.wait(300)
        mailbox.wait(300)

    threads = [threading.Thread(target=live, args=(mailbox,)) for mailbox in mailboxes]
    for thread in threads:
        thread.start()
    ready.wait(300)
    resident = int(psutil.Process().memory_info().rss)
    for mailbox, thread in zip(mailboxes, threads, strict=True):
        mailbox.interrupt()
        thread.join()
        mailbox.close()
    return resident


if __name__ == "__main__":
    print(hold(int(sys.argv[1]), int(sys.argv[2])))
