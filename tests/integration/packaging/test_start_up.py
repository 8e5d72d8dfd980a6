"""Starting is cheap: nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "numpy", "pandas", "sklearn", "scipy", "av", "PIL", "openai")


def loaded_modules(statement: str) -> set[str]:
    script = f"{statement}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "statement",
    [
        "from emoreal_bench.cli.application import run; run(['--help'])",
        "from emoreal_bench.cli.application import run; run(['run', '--help'])",
        "import emoreal_bench",
    ],
)
def test_help_and_import_load_nothing_heavy(statement: str) -> None:
    assert not loaded_modules(statement) & set(HEAVY)


def test_help_does_not_load_the_schemas() -> None:
    modules = loaded_modules("from emoreal_bench.cli.application import run; run(['--help'])")
    assert "pydantic" not in modules


def test_listing_models_loads_no_deep_learning_library() -> None:
    modules = loaded_modules("import emoreal_bench; emoreal_bench.list_models()")
    assert not modules & {"torch", "transformers"}


def test_root_folders_are_never_imported_by_their_bare_names() -> None:
    modules = loaded_modules(
        "import emoreal_bench; emoreal_bench.list_tasks(); emoreal_bench.list_models()"
    )
    assert not modules & {"tasks", "model_adapters", "leaderboards"}


INTERRUPTED = """
import os, runpy, signal, sys

class CtrlC:
    left = {modules}

    def find_spec(self, name, *_):
        if "emoreal_bench.cli" in sys.modules:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = ["emoreal-bench", "list", "tasks"]
runpy.run_module("emoreal_bench", run_name="__main__")
"""


@pytest.mark.parametrize("modules", [1, 2, 5, 20, 60, 150])
def test_ctrl_c_while_the_program_is_loaded_ends_it_without_a_trace(modules: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(modules=modules)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (130, False), done.stderr
