"""Tells people: what is said in four languages, and the channels that carry it."""
