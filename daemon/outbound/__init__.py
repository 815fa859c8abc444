"""Order mail goes out: kept connections, return paths, signatures."""
