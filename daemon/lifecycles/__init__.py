"""Pure lifecycles: the states of each aggregate and the moves between them, one file each."""
