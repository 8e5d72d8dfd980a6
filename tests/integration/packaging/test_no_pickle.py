"""No module unpickles: what is read, from a file or a process, cannot run code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CARRY_CODE = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def imports_in(tree: ast.AST) -> Iterator[str]:
    """Find the imports of modules that carry code, save for the error that torch raises."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in CARRY_CODE)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in CARRY_CODE:
            names = {name.name for name in node.names}
            yield from (f"{node.module}.{name}" for name in names - {"UnpicklingError"})


def unsafe_calls_in(tree: ast.AST) -> Iterator[str]:
    """Find calls that could unpickle: of torch.load without, of NumPy's load with a switch."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            switches = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called == "torch.load" and switches.get("weights_only") != "True":
                yield ast.unparse(node)
            if switches.get("allow_pickle", "False") != "False":
                yield ast.unparse(node)


def test_no_module_unpickles() -> None:
    packages = [ROOT / "emoreal_bench", ROOT / "model_adapters", ROOT / "recipes"]
    modules = {path for package in packages for path in package.rglob("*.py")}
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    found = {path: [*imports_in(tree), *unsafe_calls_in(tree)] for path, tree in trees.items()}
    assert len(found) > 100
    assert {path: places for path, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def read():\n    import os, pickle as p",
        "from pickle import loads",
        "from pickle import UnpicklingError, load",
        "import dill.source",
    ],
)
def test_an_import_that_carries_code_is_found(source: str) -> None:
    assert list(imports_in(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    ["torch.load(f)", "torch.load(f, weights_only=False)", "np.load(f, allow_pickle=True)"],
)
def test_a_call_that_could_unpickle_is_found(source: str) -> None:
    assert list(unsafe_calls_in(ast.parse(source)))
