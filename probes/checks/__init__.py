"""The checks on what arrived, one file each, exporting `CHECK`."""
