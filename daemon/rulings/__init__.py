"""Pure decisions: everything they need is an argument, `now` first among it."""
