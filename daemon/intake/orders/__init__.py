"""Which order a message belongs to, and whom it was written to; pure, but for its worker."""
