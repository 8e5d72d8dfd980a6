"""What people write to say what they want: tasks, rules, cards, configurations, profiles."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from emoreal_bench.catalog import find_task, load_task, task_paths
from emoreal_bench.comparing.gate import load_rules
from emoreal_bench.identity import canonical_json
from emoreal_bench.model_adapters.built_in.scripted import create as create_scripted
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.remote.http import create as create_http
from emoreal_bench.model_adapters.remote.transcripts import read_transcripts
from emoreal_bench.model_adapters.worker.adapter import create as create_worker
from emoreal_bench.parsing import UnreadableError, parse_json, parse_yaml
from emoreal_bench.probing.cards import card_paths, read_card
from emoreal_bench.probing.published import read_published_rows
from emoreal_bench.probing.sweeping import read_sweep
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.serving.body import find_letters, read_body
from emoreal_bench.serving.clips import put_together
from emoreal_bench.serving.problems import RequestError
from emoreal_bench.templates import BoundedTemplate
from emoreal_bench.training.config import read_config
from tests.fuzz.parser import Parser, write
from tests.training_files import make_settings

_REMOTE = "emoreal_bench.model_adapters.remote"


def _make_task(folder: Path) -> Path:
    source = task_paths()["emorealm"]
    prompts = source.parent / "prompts"
    for prompt in prompts.rglob("*.j2"):
        write(folder, f"prompts/{prompt.relative_to(prompts)}", prompt.read_bytes())
    write(folder, "base.yaml", source.read_bytes())
    definition = yaml.safe_load(source.read_text(encoding="utf-8"))
    return write(folder, "task.yaml", json.dumps({**definition, "extends": "base"}))


def _read_task(file: Path) -> None:
    task_file = load_task(file)
    canonical_json(task_file.task.model_dump(mode="json", by_alias=True))
    for variant in task_file.task.variants:
        PromptRenderer(task_file, variant, task_file.task.media.modalities)


def _make_template(folder: Path) -> Path:
    text = "{{ question }}\n{% for choice in choices %}{{ choice }}\n{% endfor %}{{ 2 * 3 }}"
    return write(folder, "ask.j2", text)


def _read_template(file: Path) -> None:
    values = {"question": "Is it so?", "choices": ("(A) Yes", "(B) No"), "letters": ("A", "B")}
    source = file.read_bytes().decode("utf-8", "replace")
    BoundedTemplate(source, str(file)).render(values, "1")


def _make_body(folder: Path) -> Path:
    words = {"type": "text", "text": "What is heard?\n(A) rain\n(B) a laugh"}
    picture = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}}
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    body = {
        "model": "tiny/omni",
        "messages": [
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": [picture, sound, words]},
        ],
        "max_tokens": 8,
        "temperature": 0.5,
        "stop": ["x"],
        "seed": 7,
    }
    return write(folder, "body.json", json.dumps(body))


def _read_body(file: Path) -> None:
    body = read_body(file.read_bytes())
    put_together(body.messages)
    find_letters(body.messages)
    body.settings()


def _make_prompt(folder: Path) -> Path:
    return _make_task(folder).parent / find_task("emorealm").task.variants["paper"].prompt


def _read_prompt(file: Path) -> None:
    folder = next(folder for folder in file.parents if folder.name == "prompts").parent
    task_file = load_task(folder / "task.yaml")
    PromptRenderer(task_file, "paper", task_file.task.media.modalities)


def _make_sweep(folder: Path) -> Path:
    sweep = {
        "schema": 1,
        "models": ["tiny/omni", {"model": "hf/a/b", "lora": "c", "arguments": {"dtype": "auto"}}],
        "tasks": [{"task": "emorealm", "data": "clips", "arguments": {"split": "1"}}],
        "settings": {"frames": [4, 8], "modalities": "av", "shuffle_choices": [None, 1]},
        "limit": 40,
    }
    return write(folder, "sweep.yaml", json.dumps(sweep))


def _read_sweep(file: Path) -> None:
    read = read_sweep(file)
    task = find_task("emorealm").task
    for _, settings in zip(range(20), read.combinations(), strict=False):
        read.plan_options(task, settings)


def _make_rules(folder: Path) -> Path:
    rules = {
        "schema": 1,
        "decide": "absolute",
        "average": {"largest_drop": 0.05, "floor": 0.3},
        "every_subtask": {"largest_drop": 0.1, "floors": {"accuracy": 0.2}},
        "subtasks": {"modality_agreement": {"largest_drop": None, "floors": {"accuracy": 0.9}}},
        "question_types": {"stress_test": {"ceilings": {"hallucination_rate": 0.5}}},
    }
    return write(folder, "rules.yaml", json.dumps(rules))


def _make_card(folder: Path) -> Path:
    card = next(iter(card_paths().values()))
    return write(folder, "card.yaml", json.dumps(yaml.safe_load(card.read_text(encoding="utf-8"))))


def _make_published(folder: Path) -> Path:
    from emoreal_bench.resources import package_folders

    place = package_folders("emoreal_bench.leaderboards")[0] / "published" / "emorealm.json"
    return write(folder, "published.json", place.read_bytes())


def _make_config(folder: Path) -> Path:
    settings = make_settings(folder, {"name": "avem_dpo", "beta": 0.2}, out=str(folder / "out"))
    return write(folder, "train.yaml", json.dumps(settings))


def _make_script(folder: Path) -> Path:
    script = {
        "replies": {"item-1": "(A)", "item-2": {"text": "I c", "status": "length"}},
        "default": "(B)",
        "modalities": ["video", "audio", "text"],
        "delay": 0.01,
        "fail_first": {"item-3": 2},
    }
    return write(folder, "script.json", json.dumps(script))


def _read_script(file: Path) -> None:
    create_scripted(ModelSpec("scripted", str(file))).describe()


def _make_workers(folder: Path) -> Path:
    entry = {
        "command": ["python", "worker.py"],
        "folder": "here",
        "environment": {"NAME": "value"},
        "inherit": ["PATH"],
    }
    return write(folder, "workers.yaml", json.dumps({"mine": entry, "other": entry}))


def _read_workers(file: Path) -> None:
    create_worker(ModelSpec("worker", "mine", {"file": str(file)}))


def _make_profiles(folder: Path) -> Path:
    profile = {
        "base_url": "http://localhost:8000/v1",
        "model": "Qwen/Qwen2.5-Omni-7B",
        "dialect": "vllm",
        "takes_audio": True,
        "extra": {"mm_processor_kwargs": {"use_audio_in_video": False}},
    }
    return write(folder, "models.yaml", json.dumps({"mine": profile, "other": profile}))


def _read_profiles(file: Path) -> None:
    spec = ModelSpec("http", "mine", {"profile": str(file)})
    canonical_json(create_http(spec).describe().model_dump(mode="json"))


def _read_extra(file: Path) -> None:
    extra = file.read_bytes().decode("utf-8", "replace")
    arguments = {"base_url": "http://localhost/v1", "extra": extra}
    create_http(ModelSpec("http", "mine", arguments)).describe()


def _make_transcripts(name: str, folder: Path) -> Path:
    content = 'clip,text\na.mp4,Hello\nb.mp4,"Well, yes"\n'
    if name.endswith(".json"):
        content = json.dumps({"a.mp4": "Hello", "b.mp4": "Well, yes"})
    return write(folder, name, content)


def _read_transcripts(file: Path) -> None:
    transcripts = read_transcripts(file)
    transcripts.text_of("a.mp4")


def _make_value(folder: Path) -> Path:
    value: dict[str, Any] = {"a": [1, 2.5, None, True, "text"], "b": {"c": {"d": []}}}
    return write(folder, "value", json.dumps(value))


def _read_value(parse: Any, file: Path) -> None:
    value = parse(file.read_bytes())
    # What was read can be walked, compared and written.
    assert value == value  # noqa: PLR0124
    try:
        json.dumps(value, allow_nan=False)
    except TypeError as error:
        assert "keys must be" in str(error) or "not JSON" not in str(error)  # noqa: PT017


PARSERS = (
    Parser(
        "JSON",
        "json",
        _make_value,
        partial(_read_value, parse_json),
        ("emoreal_bench.parsing:parse_json",),
        (UnreadableError,),
    ),
    Parser(
        "YAML",
        "yaml",
        _make_value,
        partial(_read_value, parse_yaml),
        ("emoreal_bench.parsing:parse_yaml",),
        (UnreadableError,),
    ),
    Parser(
        "task",
        "yaml",
        _make_task,
        _read_task,
        ("emoreal_bench.catalog:_read_definition", "emoreal_bench.catalog:load_task"),
        is_slow=True,
    ),
    Parser(
        "template of a prompt",
        "bytes",
        _make_template,
        _read_template,
        ("emoreal_bench.templates:BoundedTemplate.__init__",),
    ),
    Parser(
        "file of a prompt",
        "bytes",
        _make_prompt,
        _read_prompt,
        ("emoreal_bench.prompting:PromptRenderer.__init__",),
        is_slow=True,
    ),
    Parser(
        "body of a chat completion",
        "json",
        _make_body,
        _read_body,
        (
            "emoreal_bench.serving.body:read_body",
            "emoreal_bench.serving.clips:_from_base64",
        ),
        (RequestError,),
    ),
    Parser(
        "rules of a check",
        "yaml",
        _make_rules,
        load_rules,
        ("emoreal_bench.comparing.gate:load_rules",),
    ),
    Parser(
        "card",
        "yaml",
        _make_card,
        read_card,
        ("emoreal_bench.probing.cards:read_card",),
        is_slow=True,
    ),
    Parser(
        "sweep",
        "yaml",
        _make_sweep,
        _read_sweep,
        (
            "emoreal_bench.catalog:read_settings",
            "emoreal_bench.probing.sweeping:read_sweep",
            "emoreal_bench.probing.sweeping:SweepFile.plan_options",
        ),
    ),
    Parser(
        "published rows",
        "json",
        _make_published,
        read_published_rows,
        ("emoreal_bench.probing.published:read_published_rows",),
    ),
    Parser(
        "configuration of a training",
        "yaml",
        _make_config,
        read_config,
        ("emoreal_bench.training.config:read_config",),
        is_slow=True,
    ),
    Parser(
        "script",
        "json",
        _make_script,
        _read_script,
        ("emoreal_bench.model_adapters.built_in.scripted:create",),
    ),
    Parser(
        "workers",
        "yaml",
        _make_workers,
        _read_workers,
        ("emoreal_bench.model_adapters.worker.adapter:_read_entry",),
    ),
    Parser(
        "profiles of servers",
        "yaml",
        _make_profiles,
        _read_profiles,
        (f"{_REMOTE}.http:_read_profiles",),
    ),
    Parser(
        "argument in JSON",
        "json",
        _make_value,
        _read_extra,
        (f"{_REMOTE}.http:_read_object", "emoreal_bench.model_adapters.arguments:parse_arguments"),
        place="http/mine: ",
    ),
    *(
        Parser(
            f"transcripts, {name}",
            form,
            partial(_make_transcripts, name),
            _read_transcripts,
            (f"{_REMOTE}.transcripts:read_transcripts", f"{_REMOTE}.transcripts:{function}"),
        )
        for name, form, function in (
            ("said.json", "json", "_parse_json"),
            ("said.csv", "table", "_parse_csv"),
        )
    ),
)
