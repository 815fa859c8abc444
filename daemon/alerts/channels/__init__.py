"""One file a channel, each exporting `CHANNEL`."""
