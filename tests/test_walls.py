"""Who may import whom, as CONTRIBUTING.md draws the house."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("daemon/**/*.py"), *ROOT.glob("probes/**/*.py")])

# room → what of our own code it may import besides itself
MAY_IMPORT = {
    "probes": set[str](),
    "daemon.clock": set[str](),
    "daemon.logs": set[str](),
    "daemon.mail_metrics": set[str](),
    "daemon.metrics": {"daemon.lifecycles", "daemon.mail_metrics", "probes.observation"},
    "daemon.lifecycles": {"probes.observation"},
    "daemon.rulings": {"daemon.lifecycles", "probes.observation"},
    "daemon.ledger": {"daemon.lifecycles", "probes.observation", "probes.token"},
    "daemon.settings": {"probes", "daemon.alerts", "daemon.rulings.alerting"},
    "daemon.desk": {"daemon.ledger", "daemon.rulings", "daemon.lifecycles", "probes.address"},
    "daemon.alerts": {"daemon.logs", "probes"},
    "daemon.intake": {"daemon.lifecycles", "daemon.logs", "probes"},
    "daemon.outbound": {"daemon.lifecycles", "daemon.logs", "probes"},
    "daemon.supervision": {"daemon.clock", "daemon.logs"},
    "daemon.rounds": {
        "daemon.alerts",
        "daemon.clock",
        "daemon.intake",
        "daemon.ledger",
        "daemon.lifecycles",
        "daemon.logs",
        "daemon.metrics",
        "daemon.outbound",
        "daemon.rulings",
        "probes",
    },
    "daemon.console": {
        "daemon.clock",
        "daemon.desk",
        "daemon.ledger",
        "daemon.lifecycles",
        "daemon.logs",
        "daemon.metrics",
        "daemon.rulings",
        "probes.observation",
    },
}
KNOWS_ALL = {"daemon.assembly", "daemon.cli", "daemon.commands", "daemon.demo", "daemon.__main__"}
SAYS_NOTHING = {"utils", "helpers", "manager", "core", "base", "common"}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in {"daemon", "probes"}}


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def room_of(module: str) -> str:
    rooms = [room for room in {*MAY_IMPORT, *KNOWS_ALL} if within(module, room)]
    assert rooms, f"{module} stands in no room; draw it in tests/test_walls.py and CONTRIBUTING.md"
    return max(rooms, key=len)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_walls_hold(path: Path) -> None:
    module = module_of(path)
    if module == "daemon" or room_of(module) in KNOWS_ALL:
        return
    room = room_of(module)
    allowed = {room, *MAY_IMPORT[room]}
    strangers = {n for n in imports_of(path) if not any(within(n, room) for room in allowed)}
    assert not strangers, f"{module} may not import {sorted(strangers)}"


def test_only_assembly_and_the_command_line_know_the_settings() -> None:
    knowing = {
        module_of(p) for p in SOURCES if any(within(n, "daemon.settings") for n in imports_of(p))
    }
    assert all(room_of(m) in KNOWS_ALL or within(m, "daemon.settings") for m in knowing), knowing


def test_no_circle_of_imports() -> None:
    graph = {module_of(path): imports_of(path) for path in SOURCES}
    edges = {
        module: {
            other
            for other in graph
            if other != module
            and any(
                n == other or (n.startswith(f"{other}.") and n.count(".") == other.count(".") + 1)
                for n in names
            )
        }
        for module, names in graph.items()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in edges[module]:
                visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_names_say_something() -> None:
    empty = [module_of(path) for path in SOURCES if path.stem in SAYS_NOTHING]
    assert not empty
