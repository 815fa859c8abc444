"""`python -m tests.bench` lists the benchmarks; `python -m tests.bench NAME` runs one.

A benchmark is a module beside this file. Its `main` prints tables, each figure beside that of its
peer or bound, and returns the figures, which follow as one JSON object on the last line.
"""

from __future__ import annotations

import ast
import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """Each benchmark's name and the first line of its docstring."""
    files = sorted(path for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    documented = {file.stem: ast.get_docstring(ast.parse(file.read_text())) for file in files}
    return {name: (text or "").partition("\n")[0] for name, text in documented.items()}


def run(name: str) -> int:
    """Run a benchmark; 2 when there is none of that name."""
    if name not in benchmarks():
        print(f"There is no benchmark {name!r}; there are: {', '.join(benchmarks())}.")
        return 2
    figures = importlib.import_module(f"tests.bench.{name}").main()
    print(json.dumps(figures))
    return 0


def main() -> int:
    """List the benchmarks, or run the one that is named."""
    if len(sys.argv) > 1:
        return run(sys.argv[1])
    for name, summary in benchmarks().items():
        print(f"{name:12} {summary}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
