"""A command that lacks an extra says which, and leaves nothing behind.

One process, in which only what ``pip install emoreal-bench`` brings can be imported, gives all
commands; what each has written is looked at after it.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from emoreal_bench.api import RunOptions, evaluate
from tests.small_emorealm import make_data

BASE_ONLY = """
import importlib.machinery, json, os, sys

EXTRAS, END = {extras}, {end!r}
find = importlib.machinery.PathFinder.find_spec

def find_base(name, path=None, target=None):
    return None if name.partition(".")[0] in EXTRAS else find(name, path, target)

importlib.machinery.PathFinder.find_spec = find_base

from emoreal_bench.cli.application import run

def there():
    return set(os.path.join(place, name) for place, *both in os.walk(".") for name in sum(both, []))

before, told = there(), []
for arguments in {commands}:
    code = run(arguments)
    print(END, file=sys.stderr)
    told.append([code, sorted(there() - before)])
    before = there()
print(json.dumps(told))
"""
END = "--- end of a command ---"
EXTRAS = {
    *("PIL", "espeakng_loader", "torch", "transformers", "safetensors", "accelerate", "peft"),
    *("huggingface_hub", "timm", "vllm", "openai", "httpx2", "google", "inspect_ai", "zstandard"),
    *("keyring", "ray", "openpyxl", "starlette", "uvicorn", "h11", "pandas", "pyarrow", "wandb"),
    "mlflow",
}
COMMANDS = {
    "data synth --out clips --items 12": "synth",
    "run": "hf",
    "run --model hf/x/y --lora adapter --data data": "hf",
    "run --model openai/x --data data": "openai",
    "run --model http/x --data data": "openai",
    "run --model google/x --data data": "google",
    "run --model inspect/openai/x --data data": "inspect",
    "run --model vllm/x/y --data data": "vllm",
    "run --model baseline/random --model tiny/omni --data data": "hf",
    "run --model baseline/random --data data --executor ray": "ray",
    "run --model baseline/random --data data --media-cache cache": "cache",
    "probe --data data": "hf",
    "probe --model baseline/random --data data --executor ray": "ray",
    "judge run --model openai/x": "openai",
    "reproduce emorealm-avere --model avere/x --data data": "hf",
    "ask tiny/omni data/clips/0.mp4 What? --html page/asked.html": "hf",
    "serve-model tiny/omni": "hf",
    "serve-model baseline/random": "serve",
    "view run --serve --out page": "serve",
    "view . --serve --out page": "serve",
    "leaderboard serve site": "serve",
    "runs export run --out items/run.parquet": "parquet",
    "runs export run --to eval-results --dataset a/b --out model": "data",
    "runs track run --to wandb": "wandb",
    "runs track run --to mlflow": "mlflow",
    "runs card run --out model/README.md": "data",
    "model merge --model tiny/omni --lora adapter --out merged": "hf",
    "train train.yaml": "train",
    "prefs build sampled --model tiny/omni --data data --out pairs/sampled.jsonl": "hf",
    "prefs build captions --model tiny/omni --clips data --out pairs/captions.jsonl": "hf",
    "data get --task emorealm --out got/emorealm": "data",
    "data new questions.xlsx --clips data --out task": "data",
    "data new questions.parquet --clips data --out task": "parquet",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, list[str], str]]:
    """Exit code, what was left and the last words of each command."""
    home = tmp_path_factory.mktemp("home")
    make_data(home / "data")
    evaluate("baseline/random", "emorealm-synth", home / "data", RunOptions(out=home / "run"))
    (home / "site").mkdir()
    (home / "site/index.html").write_text("<!doctype html>")
    for name in ("questions.xlsx", "questions.parquet"):
        (home / name).write_bytes(b"PK or PAR1")
    (home / "train.yaml").write_text(
        "model: tiny/omni\nmethod: {name: avem_dpo}\nout: trained\n"
        "data: {source: pairs, pairs: pairs.jsonl, clips: data}\n"
    )
    code = BASE_ONLY.format(extras=EXTRAS, end=END, commands=[line.split() for line in COMMANDS])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    errors = done.stderr.split(END)[:-1]
    return {
        line: (code, left, error)
        for line, (code, left), error in zip(COMMANDS, results, errors, strict=True)
    }


@pytest.mark.parametrize("line", COMMANDS)
def test_it_names_the_extra_and_leaves_nothing(
    line: str, told: dict[str, tuple[int, list[str], str]]
) -> None:
    code, left, error = told[line]
    assert f"needs the optional extra '{COMMANDS[line]}'" in error
    assert "Install it with: " in error
    assert (code, left) == (2, [])
