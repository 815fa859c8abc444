"""The embedded mail world and its story."""
