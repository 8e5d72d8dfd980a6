"""``import emoreal_bench`` gives every public name, with its type, and costs next to nothing."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import emoreal_bench
from emoreal_bench import api
from tests.integration.packaging.test_start_up import loaded_modules

ROOT = Path(__file__).resolve().parents[3]


def own_classes(hint: object) -> Iterator[type]:
    """Find the classes of this project that a type names, however deep."""
    parts = hint if isinstance(hint, list) else get_args(hint)
    for part in parts:
        yield from own_classes(part)
    if isinstance(hint, type) and hint.__module__.startswith("emoreal_bench"):
        yield hint


def type_names(module: str) -> dict[str, object]:
    """Import what a module imports for type checkers only."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    blocks = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    names: dict[str, object] = {}
    for block in blocks:
        exec("\n".join(ast.unparse(line) for line in block.body), names)
    return names


@pytest.mark.parametrize("name", sorted(api.__all__))
def test_every_name_is_there(name: str) -> None:
    if name in ("TrainingResult", "TrainingStatistics"):
        pytest.importorskip("torch")
    assert getattr(emoreal_bench, name) is getattr(api, name)


def test_a_star_gives_the_names_of_the_api() -> None:
    names: dict[str, object] = {}
    exec("from emoreal_bench import *", names)
    assert set(names) - {"__builtins__"} == set(api.__all__)
    assert set(dir(emoreal_bench)) == {*api.__all__, "__version__"}


def test_no_name_is_public_by_accident() -> None:
    assert len(set(api.__all__)) == len(api.__all__)
    with pytest.raises(AttributeError, match="nosuch"):
        _ = emoreal_bench.nosuch  # type: ignore[attr-defined]


def test_no_name_is_hidden_by_a_module() -> None:
    files = {path.stem for path in Path(emoreal_bench.__file__).parent.iterdir()}
    assert not files & set(api.__all__)


@pytest.mark.parametrize("name", [name for name in api.__all__ if name.islower()])
def test_what_a_signature_names_is_public(name: str) -> None:
    pytest.importorskip("torch")
    function = getattr(api, name)
    hints = get_type_hints(function, localns=type_names(function.__module__))
    named = {found for hint in hints.values() for found in own_classes(hint)}
    assert {found.__name__ for found in named} <= set(api.__all__)


def test_importing_loads_no_schemas_and_no_numbers() -> None:
    assert not loaded_modules("import emoreal_bench") & {"pydantic", "numpy", "typer", "rich"}


@pytest.mark.timeout(900)
def test_mypy_knows_the_names_and_their_parameters(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    uses = tmp_path / "uses.py"
    uses.write_text(
        "import emoreal_bench\n"
        "from emoreal_bench import PlanOptions, RunOptions\n"
        "options = RunOptions(plan=PlanOptions(limit=5))\n"
        'emoreal_bench.evaluate(model="tiny/omni", options=options)\n'
        'emoreal_bench.evaluate(modle="tiny/omni")\n'
        "emoreal_bench.nosuch\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        # As `make lint` calls it, whose cache makes this a matter of seconds.
        [sys.executable, "-m", "mypy", str(uses)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 2, done.stdout
    assert "uses.py:5" in errors[0]
    assert 'Unexpected keyword argument "modle"' in errors[0]
    assert "uses.py:6" in errors[1]
    assert '"nosuch"' in errors[1]


def test_the_command_line_imports_the_api_and_contracts_only() -> None:
    for path in (ROOT / "emoreal_bench" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "emoreal_bench."
            ):
                room = (node.module or "").split(".")[1]
                # The last five know texts, names and places, and nothing of the project.
                texts = {"printable", "hiding", "file_names", "resources", "text"}
                allowed = {"api", "cli", "contracts", *texts}
                assert room in allowed, f"{path.name}: {node.module}"


def test_the_package_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "emoreal_bench", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"emoreal-bench {emoreal_bench.__version__}\n"
