"""Measures where a seeded receipt landed and why; remembers nothing and is usable alone."""
