"""The verbs of the command line, one file each; `daemon.cli` mounts them."""
