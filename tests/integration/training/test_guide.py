"""The commands of docs/training.md do what the page says, on a small scale."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.training.config import TrainingConfig, read_config
from tests.media_files import Picture, Sound, make_clip
from tests.small_emorealm import make_data
from tests.unit.preferences.scripted_models import smile_question, write_script, written

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(yaml)?\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
CONFIGURATIONS = {
    match[1]: text
    for kind, text in BLOCKS
    if kind and (match := re.match(r"# (\w+\.yaml)\n", text))
}
SECTIONS = dict(re.findall(r"^## (Day \d|[^\n:]+)[^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
NAMES = ("one", "two", "three", "four")
# What a page for people says, and what a test can do in its place.
IN_SMALL = {
    "hf/Qwen/Qwen2.5-Omni-7B": "tiny/omni",
    "google/gemini-2.5-flash": "scripted/describer.json",
    "openai/gpt-4o-2024-11-20": "scripted/writer.json",
    "--items 400": "--items 10",
    "--items 40 ": "--items 10 ",
}
# Of `check`: nothing fell, something fell, too few items to say.
CHECK_ENDS = (ExitCode.DONE, ExitCode.REGRESSION, ExitCode.INCOMPLETE)


def _in_small(text: str) -> str:
    for large, small in IN_SMALL.items():
        text = text.replace(large, small)
    return text


def _make_clips_to_caption(folder: Path) -> None:
    folder.mkdir()
    questions: dict[str, str] = {}
    blind: dict[str, str] = {}
    for number, name in enumerate(NAMES):
        clip = f"{name}.mp4"
        make_clip(folder / clip, Picture(frames=8 + number, size=(64, 48)), Sound(0.4))
        emotion = ("happiness", "sadness")[number % 2]
        questions[clip] = written(smile_question(emotion=emotion), smile_question(question="Why?"))
        blind |= {f"{clip}#{q}#{turn}": "(A)" for q in (1, 2) for turn in (1, 2, 3)}
    rows = [f"{name}.mp4,{('happiness', 'sadness')[i % 2]}" for i, name in enumerate(NAMES)]
    Path("labels.csv").write_text("\n".join(["clip,emotion", *rows]))
    captions = {f"{name}.mp4": "The person smiles." for name in NAMES}
    write_script(Path("describer.json"), captions, media=True)
    write_script(Path("writer.json"), questions | blind)


def _make_dfew(root: Path) -> None:
    (root / "clips").mkdir(parents=True)
    (root / "test(single-labeled)").mkdir()
    for fold in range(1, 6):
        names = (2 * fold - 1, 2 * fold)
        for name in names:
            clip = root / "clips" / f"{name}.mp4"
            make_clip(clip, Picture(frames=8, size=(64, 48)), Sound(0.3, (100.0 * name,)))
        rows = [f"{name},{name % 7 + 1}" for name in names]
        table = root / "test(single-labeled)" / f"set_{fold}.csv"
        table.write_text("\n".join(["video_name,label", *rows]))


def _follow(*sections: str) -> None:
    """Do what sections of the page say, in the working directory."""
    for name, text in CONFIGURATIONS.items():
        Path(name).write_text(_in_small(text))
    text = "".join(SECTIONS[section] for section in sections)
    commands = re.findall(r"^emoreal-bench .+$", text, flags=re.MULTILINE)
    assert commands
    for line in commands:
        arguments = shlex.split(_in_small(line))[1:]
        allowed = CHECK_ENDS if arguments[0] == "check" else (ExitCode.DONE,)
        assert run(arguments) in allowed, line


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.long
def test_the_rehearsal_needs_nothing(place: Path) -> None:
    _follow("Day 1")
    assert (place / "trained/rehearsal/curves.svg").is_file()


@pytest.mark.long
def test_clips_become_a_checked_checkpoint(place: Path) -> None:
    _make_clips_to_caption(Path("clips"))
    make_data(Path("emorealm"), items=12, real=True)
    _follow(*(f"Day {number}" for number in range(2, 7)))
    assert (place / "trained/avem/best" / TRAINING_FILE).is_file()
    assert (place / "merged/model.safetensors").is_file()


@pytest.mark.long
def test_a_fine_tuned_model_is_marked(place: Path) -> None:
    _make_dfew(Path("dfew"))
    _follow("Supervised training on a task")
    record = (place / "trained/dfew-fold-1/adapter" / TRAINING_FILE).read_bytes()
    assert TrainingRecord.model_validate_json(record).fine_tuned_on == "dfew"
    assert "fine-tuned on dfew" in (place / "runs/dfew/manifest.json").read_text()


def test_every_command_of_the_page_is_in_a_section_that_is_followed() -> None:
    followed = [f"Day {number}" for number in range(1, 7)] + ["Supervised training on a task"]
    others = "".join(text for section, text in SECTIONS.items() if section not in followed)
    assert not re.findall(r"^emoreal-bench ", others, flags=re.MULTILINE)
    # Two processes are trained in by test_two_processes.
    assert len(re.findall(r"^torchrun ", PAGE, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_of_the_page_is_valid(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(CONFIGURATIONS[name])
    assert read_config(path).out.parent.name == "trained"


def _complete() -> dict[str, Any]:
    block = next(text for kind, text in BLOCKS if kind and text.startswith("schema:"))
    complete: dict[str, Any] = yaml.safe_load(block)
    return complete


def test_the_list_of_keys_states_the_defaults() -> None:
    complete = _complete()
    config = TrainingConfig.model_validate(complete)
    short = {key: complete[key] for key in ("model", "data", "out")}
    plain = TrainingConfig.model_validate({**short, "method": {"name": "avem_dpo"}})
    assert config == plain


def test_the_page_names_every_key() -> None:
    schema = TrainingConfig.model_json_schema(by_alias=True)
    keys = {
        key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})
    }
    named = set(re.findall(r"\w+", PAGE))
    assert keys <= named
