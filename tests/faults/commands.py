"""The commands that are broken off in tests, with what they are given: one line each."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run as command
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from tests.small_emorealm import make_data
from tests.training_files import make_settings, make_training_data, write_settings

ITEMS = 12
ASKED = "asked"
"""File in a home in which the scripted model notes every item that it is asked."""
KEY_VARIABLE = "OPENAI_API_KEY"


@dataclass(frozen=True)
class Given:
    """What all commands may read and none may change.

    Attributes:
        root: The folder.
        stub: A service that counts what it is asked.
    """

    root: Path
    stub: StubServer

    def __truediv__(self, name: str) -> str:
        return shlex.quote(str(self.root / name))


@dataclass(frozen=True)
class Command:
    """A command that writes below the folder in which it is given.

    Attributes:
        name: For people.
        words: What is typed, once the given files are known.
        wanted: Of the given files, who makes them.
        asks: Whether a model is asked, and notes it.
        is_slow: Whether it takes seconds, so that most is left to the long form.
        once: What it says where it was done before, if it does not simply do it again.
    """

    name: str
    words: Callable[[Given], str]
    wanted: tuple[Callable[[Path], object], ...] = ()
    asks: bool = False
    is_slow: bool = False
    once: str | None = None

    def arguments(self, given: Given) -> list[str]:
        return shlex.split(self.words(given))


def data(root: Path) -> None:
    if not (root / "data").exists():
        make_data(root / "data", items=ITEMS)
        # Right, wrong and unreadable replies, so that a lost or doubled one would show.
        texts = ("(A)", "(B) No", "Well, so it is said", "yes")
        replies = {f"q{number}": texts[number % 4] for number in range(ITEMS)}
        for name, script in (
            ("script", {"replies": replies}),
            ("judge", {"default": '{"verdict": "yes"}'}),
        ):
            (root / f"{name}.json").write_text(json.dumps({**script, "batch_size": 1}))


def clips(root: Path) -> None:
    if not (root / "real").exists():
        make_data(root / "real", items=4, per_clip=2, real=True)


def run(root: Path) -> None:
    data(root)
    if not (root / "run").exists():
        model = f"scripted/{root}/script.json"
        words = ("run", "--model", model, "--task", "emorealm", "--data", f"{root}/data")
        assert command([*words, "--out", f"{root}/run", "--quiet"]) == ExitCode.DONE


def parts(root: Path) -> None:
    run(root)
    if not (root / "part-2").exists():
        for name, kept in (("part-1", slice(0, 7)), ("part-2", slice(5, ITEMS))):
            part = shutil.copytree(root / "run", root / name)
            lines = (part / ITEMS_FILE).read_bytes().splitlines(keepends=True)
            (part / ITEMS_FILE).write_bytes(b"".join(lines[kept]))
            (part / RESULTS_FILE).unlink()


def adapter(root: Path) -> None:
    from tests.lora_folders import adapt_tiny

    if not (root / "lora").exists():
        adapt_tiny(root / "lora")


def training(root: Path) -> None:
    if not (root / "training").exists():
        (root / "training").mkdir()
        make_training_data(root / "training")
        method = {"name": "avem_dpo", "text_gradient": True}
        steps = {"learning_rate": 0.01, "batch_size": 1, "epochs": 1, "accumulation": 2}
        settings = make_settings(root / "training", method, out="out/train", optimization=steps)
        write_settings(root / "training" / "train.yaml", settings)


def asking(given: Given, who: str = "script") -> str:
    """Return how to name the scripted model, which notes what it is asked."""
    return f"--model scripted/{given / who}.json --model-arg record={ASKED} --quiet"


COMMANDS = (
    Command(
        "run",
        lambda given: f"run {asking(given)} --task emorealm --data {given / 'data'} --out out/run",
        (data,),
        asks=True,
    ),
    Command(
        "run --cache",
        lambda given: (
            f"run {asking(given)} --task emorealm --data {given / 'data'} --out out/run "
            "--cache replies.sqlite"
        ),
        (data,),
        asks=True,
    ),
    Command(
        "run --deferred",
        lambda given: (
            f"run --model openai/gpt-4o --model-arg base_url={given.stub.address}/v1 --deferred "
            f"--task emorealm --data {given / 'real'} --out out/run --quiet"
        ),
        (clips,),
        is_slow=True,
    ),
    Command(
        "run http/",
        lambda given: (
            f"run --model http/model --model-arg base_url={given.stub.address}/v1 "
            f"--model-arg key_variable={KEY_VARIABLE} --model-arg concurrency=1 "
            f"--task emorealm --data {given / 'real'} --out out/run --quiet"
        ),
        (clips,),
        is_slow=True,
    ),
    Command(
        "judge",
        lambda given: f"judge {given / 'run'} {asking(given, 'judge')} --statements --out out/j",
        (run,),
        asks=True,
    ),
    Command(
        "probe",
        lambda given: (
            f"probe {asking(given)} --task emorealm --data {given / 'data'} --runs out/probed"
        ),
        (data,),
        asks=True,
    ),
    Command(
        "score", lambda given: f"score {given / 'run'} --scoring all --json out/s/s.json", (run,)
    ),
    Command("prefs build cues", lambda _: "prefs build cues --items 5 --out out/pairs.jsonl"),
    Command("data synth", lambda _: "data synth --items 5 --out out/synth", is_slow=True),
    Command(
        "data prepare-layout",
        lambda given: f"data prepare-layout {given / 'real/clips'} --out out/laid",
        (clips,),
    ),
    Command(
        "leaderboard build",
        lambda given: f"leaderboard build {given / 'run'} --run-pages --out out/site",
        (run,),
    ),
    Command(
        "leaderboard add",
        lambda given: f"leaderboard add {given / 'run'} --to out/all",
        (run,),
        once="This entry is there already",
    ),
    Command(
        "runs merge",
        lambda given: f"runs merge {given / 'part-1'} {given / 'part-2'} --out out/merged",
        (parts,),
        once="already holds a run",
    ),
    Command(
        "runs export csv", lambda given: f"runs export {given / 'run'} --out out/items.csv", (run,)
    ),
    Command(
        "check --save-baseline",
        lambda given: f"check {given / 'run'} --save-baseline out/b/baseline.json",
        (run,),
    ),
    Command("view", lambda given: f"view {given / 'run'} --out out/page", (run,)),
    Command(
        "model merge",
        lambda given: f"model merge --model tiny/omni --lora {given / 'lora'} --out out/merged",
        (adapter,),
        is_slow=True,
        once="is there already",
    ),
    Command(
        "train",
        lambda given: f"train {given / 'training/train.yaml'} --resume --quiet",
        (training,),
        is_slow=True,
    ),
)


def make_wanted(one: Command, given: Given) -> None:
    for make in one.wanted:
        make(given.root)


def by_name(which: Callable[[Command], bool] = lambda _: True) -> pytest.MarkDecorator:
    """Give a test every command, or those that are meant."""
    chosen = [one for one in COMMANDS if which(one)]
    return pytest.mark.parametrize("one", chosen, ids=lambda one: one.name.replace(" ", "-"))
