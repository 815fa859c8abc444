"""What the daemon does again and again: one `run_once` each."""
