"""The mailbox providers, one file each, exporting `MAILBOX`."""
