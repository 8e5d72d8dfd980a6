"""Everything is written in one place; who writes elsewhere has to say here why."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("emoreal_bench", "model_adapters", "leaderboards", "tasks")
WRITER = "emoreal_bench/record/files.py"

METHODS = """
write_text write_bytes touch rename symlink_to hardlink_to extract extractall save_pretrained
tofile savefig
"""
"""Names that no other thing has here."""
FUNCTIONS = """
os.open os.replace os.rename os.renames os.link os.symlink os.mkfifo os.truncate
shutil.move shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.make_archive
torch.save np.save np.savez np.savez_compressed np.savetxt save_file save_torch_state_dict
tempfile.mkstemp tempfile.NamedTemporaryFile sqlite3.connect logging.FileHandler
"""

IN_A_DRAFT = "a library writes into the private folder that it is given; record.files renames it"
IN_MEMORY = "encodes into memory"
EXCEPTIONS = {
    ("emoreal_bench/datasets/reencode.py", "open"): "FFmpeg writes into a file of record.files",
    ("emoreal_bench/synth/encode.py", "open"): IN_MEMORY,
    ("model_adapters/remote/encoding.py", "open"): IN_MEMORY,
    ("emoreal_bench/running/cache.py", "sqlite3.connect"): "SQLite has a journal of its own",
    ("emoreal_bench/datasets/download.py", "extract"): "into a scratch folder of record.files",
    ("emoreal_bench/training/evaluating.py", "shutil.copytree"): IN_A_DRAFT,
    ("emoreal_bench/training/lora_weights.py", "save_file"): IN_A_DRAFT,
    ("emoreal_bench/training/lora_weights.py", "save_pretrained"): IN_A_DRAFT,
    ("emoreal_bench/training/trainer.py", "torch.save"): "a checkpoint counts once it is marked",
    ("emoreal_bench/training/outputs/callbacks.py", "rename"): "puts a damaged checkpoint aside",
    ("model_adapters/local/model_folder.py", "write_text"): IN_A_DRAFT,
    ("model_adapters/local/hf.py", "save_pretrained"): IN_A_DRAFT,
    ("model_adapters/local/avere/weights.py", "save_torch_state_dict"): IN_A_DRAFT,
    ("model_adapters/built_in/tiny.py", "save_pretrained"): IN_A_DRAFT,
    ("model_adapters/local/lora.py", "save_file"): IN_A_DRAFT,
    ("model_adapters/local/lora.py", "save_pretrained"): IN_A_DRAFT,
    ("model_adapters/local/lora.py", "shutil.copytree"): IN_A_DRAFT,
    ("model_adapters/local/lora.py", "shutil.copyfile"): IN_A_DRAFT,
    ("model_adapters/worker/protocol.py", "write_bytes"): "clips in a private temporary folder",
    ("emoreal_bench/executors/remote.py", "write_bytes"): "clips in a private temporary folder",
    ("model_adapters/worker/keeper.py", "os.open"): "the null device, in place of the pipes",
    ("model_adapters/worker/process.py", "open"): "a log in a private temporary folder",
    ("model_adapters/built_in/scripted.py", "open"): "notes for tests which items were asked",
    ("model_adapters/conformance/jobs.py", "tempfile.NamedTemporaryFile"): "removed at once",
}


def dotted(node: ast.expr) -> str:
    """Write a name with what it belongs to, as far as these are names."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def writes(call: ast.Call) -> str | None:
    """Return by what a call writes or renames a file, None if it does not."""
    name = dotted(call.func)
    last = name.rpartition(".")[2]
    for known in (name, last):
        if known in FUNCTIONS.split():
            return known
    if not isinstance(call.func, ast.Attribute):
        return "open" if name == "open" and is_for_writing(call, 1) else None
    if last in METHODS.split():
        return last
    if last == "open" and (is_for_writing(call, 0) or is_for_writing(call, 1)):
        return "open"
    # A text is replaced by two arguments, a file by one.
    return "replace" if last == "replace" and len(call.args) == 1 and not call.keywords else None


def is_for_writing(call: ast.Call, position: int) -> bool:
    modes = [word.value for word in call.keywords if word.arg == "mode"]
    modes += call.args[position : position + 1]
    return any(
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and set(mode.value) <= set("rwxabt+")
        and bool(set(mode.value) & set("wxa+"))
        for mode in modes
    )


def find_writers(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and (what := writes(node)) is not None:
            yield what


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ('open("x", "w")', "open"),
        ('path.open("ab")', "open"),
        ('path.open(mode="r+")', "open"),
        ('av.open(file, "w", format="mp4")', "open"),
        ('path.write_text("x")', "write_text"),
        ("draft.replace(path)", "replace"),
        ("os.replace(a, b)", "os.replace"),
        ("shutil.copyfile(a, b)", "shutil.copyfile"),
        ("network.save_pretrained(out)", "save_pretrained"),
    ],
)
def test_the_search_finds_what_writes(code: str, what: str) -> None:
    assert list(find_writers(code)) == [what]


@pytest.mark.parametrize(
    "code", ['open("x")', 'path.open("rb")', 'text.replace("a", "b")', "replace(item, a=1)"]
)
def test_the_search_passes_over_what_reads(code: str) -> None:
    assert not list(find_writers(code))


def test_only_one_place_writes() -> None:
    found = {
        (file.relative_to(ROOT).as_posix(), what)
        for place in PLACES
        for file in sorted((ROOT / place).rglob("*.py"))
        if not file.parent.is_symlink() and file.relative_to(ROOT).as_posix() != WRITER
        for what in find_writers(file.read_text(encoding="utf-8"))
    }
    assert sorted(found - set(EXCEPTIONS)) == [], "write by emoreal_bench.record.files"
    assert sorted(set(EXCEPTIONS) - found) == [], "these exceptions are not needed any more"
