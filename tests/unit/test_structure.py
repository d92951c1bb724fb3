"""The architecture, held against the imports: they run one way."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

#: Lower floors first. A module may import from its own floor and those below.
FLOORS = [
    ["errors", "invocation", "lines", "mounts", "stamp", "model", "agent", "child", "control"],
    ["patterns", "policy", "notices"],
    ["config", "command"],
    ["hookspecs"],
    ["plugins"],
    ["supervisor"],
    ["cli", "embedding", "integrations", "__main__"],
    ["testing"],
]

#: What pure decisions must not touch.
IMPURE = {"os", "time", "threading", "socket", "subprocess", "signal", "pathlib", "selectors"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "reloader_core").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Each imported module, and whether only type checkers see it."""
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in hidden
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in hidden


def floor_of(module: str) -> int | None:
    inner = module.removeprefix("reloader_core").removeprefix(".")
    for number, names in enumerate(FLOORS):
        if any(inner == name or inner.startswith(name + ".") for name in names):
            return number
    return None


MODULES = dict(modules())


@pytest.mark.parametrize("name", [name for name in MODULES if name != "reloader_core"])
def test_imports_run_one_way(name: str) -> None:
    if ".inject" in name:
        pytest.skip("runs in the program, not in the supervisor")
    own = floor_of(name)
    assert own is not None, f"{name} has no floor: add it where it belongs"
    for imported, is_for_types in imports(MODULES[name]):
        if imported.startswith("reloader_core.") and not is_for_types:
            floor = floor_of(imported)
            assert floor is not None, f"{imported} has no floor"
            assert floor <= own, f"{name} imports {imported} from above"


@pytest.mark.parametrize("name", list(MODULES))
def test_the_core_never_imports_a_backend(name: str) -> None:
    assert not [what for what, _ in imports(MODULES[name]) if what.startswith("reloader_backends")]


@pytest.mark.parametrize("name", [name for name in MODULES if ".policy" in name])
def test_policy_is_pure(name: str) -> None:
    assert not {what.partition(".")[0] for what, _ in imports(MODULES[name])} & IMPURE
    calls = {
        node.func.id
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input", "exec", "eval"}


@pytest.mark.parametrize("name", list(MODULES))
def test_only_the_command_line_prints(name: str) -> None:
    if name.startswith("reloader_core.cli"):
        pytest.skip("this is the command line")
    calls = [
        node
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not calls


@pytest.mark.parametrize("name", [name for name in MODULES if ".testing" not in name])
def test_only_the_test_kit_imports_the_test_kit(name: str) -> None:
    assert not [what for what, _ in imports(MODULES[name]) if ".testing" in what]


@pytest.mark.parametrize("name", list(MODULES))
def test_only_the_layer_for_pytest_imports_pytest(name: str) -> None:
    if name == "reloader_core.testing.pytest":
        pytest.skip("this is the layer for pytest")
    needs = {what.partition(".")[0] for what, _ in imports(MODULES[name])}
    assert not needs & {"pytest", "_pytest"}
    assert "reloader_core.testing.pytest" not in {what for what, _ in imports(MODULES[name])}


def test_backends_use_only_public_names() -> None:
    allowed = {
        "reloader_core",
        "reloader_core.model",
        "reloader_core.errors",
        "reloader_core.mounts",
    }
    for path in (ROOT / "reloader_backends").rglob("*.py"):
        for imported, is_for_types in imports(ast.parse(path.read_text())):
            if imported.startswith("reloader_core") and not is_for_types:
                assert imported in allowed | {"reloader_core.hookspecs"}, f"{path}: {imported}"


def test_the_agent_needs_only_the_standard_library() -> None:
    for path in (ROOT / "reloader_core/agent/inject").glob("*.py"):
        for imported, is_for_types in imports(ast.parse(path.read_text())):
            top = imported.partition(".")[0]
            known = top in sys.stdlib_module_names or top in ("_reloader_agent", "sitecustomize")
            assert known or is_for_types, f"{path.name} imports {imported}"
