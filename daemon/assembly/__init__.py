"""Builds and wires everything from the settings; knows every room."""
