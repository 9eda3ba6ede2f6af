"""The house: imports go down the floors, names say something, functions stay short."""

import ast
from pathlib import Path

import pytest

import twin

ROOT = Path(__file__).parent.parent
FLOORS = ("kernels", "twin", "calibration", "scenarios")  # from the ground up
BESIDE = ("notebooks", "tests", "bench")  # use everything, are used by nothing
# Inside twin, from the ground up; a room may import its own floor and what lies below.
ROOMS = (
    ("state", "tables"),
    ("network",),
    ("exogenous", "ledger", "measures"),
    ("goods", "terms", "policies", "gate", "designed", "underway"),
    ("day", "invariants"),
    ("checkpointed", "record"),
    ("engines",),
    ("plan",),
    ("simulate",),
    ("audit", "assembly"),
    ("results",),
    ("face",),
    ("tune",),
)
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "core", "tools", "lib"}
FUNCTION_MOST = 70
FILES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imported(path: Path) -> list[str]:
    """Dotted names of all modules a file imports, wherever the import stands."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_the_floors(path):
    floor = FLOORS.index(path.relative_to(ROOT).parts[0])
    for name in imported(path):
        package = name.split(".")[0]
        assert package not in BESIDE, f"{path} imports {name}"
        if package in FLOORS:
            assert FLOORS.index(package) <= floor, f"{path} imports {name}, a floor above"


def room_of(parts: tuple[str, ...]) -> int | None:
    name = parts[1].removesuffix(".py") if len(parts) > 1 else ""
    return next((level for level, rooms in enumerate(ROOMS) if name in rooms), None)


@pytest.mark.parametrize(
    "path", [path for path in FILES if "twin" in path.relative_to(ROOT).parts[0]], ids=lambda path: path.stem
)
def test_imports_go_down_the_rooms_of_twin(path):
    parts = path.relative_to(ROOT).parts
    if parts[1] == "__init__.py":
        return
    mine = room_of(parts)
    assert mine is not None, f"{path} stands in no room: name it in ROOMS"
    for name in imported(path):
        pieces = tuple(name.split("."))
        if pieces[0] == "twin" and len(pieces) > 1 and (theirs := room_of(pieces)) is not None:
            assert theirs <= mine, f"{path} imports {name}, a room above"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_say_something_and_functions_stay_short(path):
    assert not {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} & NAMELESS
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{path}: the first line says what part of the world it is"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= FUNCTION_MOST, f"{path}:{node.lineno} {node.name} has {lines} lines"


def test_a_broken_floor_would_be_seen(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from scenarios.run import stress\n    import tests.conftest\n")
    assert imported(wrong) == ["scenarios.run.stress", "tests.conftest"]


@pytest.mark.parametrize("banned", ["import pickle", "eval(", "exec(", "yaml.load(", "shell=True"])
def test_nothing_dangerous_is_used(banned):
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not any(banned in line and "YAML(typ=" not in line for line in lines), f"{path}: {banned}"


def test_the_face_of_twin_is_what_it_names():
    for name in twin.__all__:
        assert callable(getattr(twin, name)), name
        # a second look finds the same: no submodule has taken its place
        assert callable(getattr(twin, name)), name
