"""What is shipped of the family is whole, small, named, and perceives."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from statistics import fmean

import pytest

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_request
from emoreal_bench.model_adapters.providers import PROVIDERS
from emoreal_bench.synth import (
    Scene,
    SpeechEngine,
    Split,
    SynthSettings,
    make_scenes,
    sample_clip,
)
from emoreal_bench.synth.questions import OWN_CUE, sides_of
from recipes.tiny_omni.clips import ClipSet
from recipes.tiny_omni.direct import Kind, Question
from recipes.tiny_omni.direct import ask as ask_about
from recipes.tiny_omni.recipe import VARIANTS

LARGEST_BYTES = 10_000_000
CLIPS = 12


def ask(adapter: ModelAdapter, requests: list[Request]) -> list[Result]:
    async def collect() -> list[Result]:
        async with adapter:
            return [result async for result in adapter.generate(requests)]

    return asyncio.run(collect())


def draw(scene: Scene) -> ClipMedia:
    sample = sample_clip(scene)
    return ClipMedia(
        key=scene.clip,
        path=None,
        frames=sample.frames,
        timestamps=sample.timestamps,
        waveform=sample.waveform,
        sample_rate=16_000,
        duration=scene.duration,
    )


@pytest.fixture(scope="module")
def clips() -> list[tuple[Scene, ClipMedia]]:
    settings = SynthSettings(
        items=5 * CLIPS, seed=77, split=Split.TEST, speech=SpeechEngine.WORDLESS
    )
    return [(scene, draw(scene)) for scene in make_scenes(settings)]


@pytest.mark.parametrize("modality", [Modality.VIDEO, Modality.AUDIO])
def test_the_base_tells_what_the_person_shows(
    modality: Modality, clips: list[tuple[Scene, ClipMedia]]
) -> None:
    requests, gold = [], []
    for scene, clip in clips:
        (side,) = [one for one in sides_of(scene) if one.modality is modality]
        for cue, letter in ((side.person.cue, "A"), (side.other_cue, "B")):
            question = OWN_CUE[modality][0].format(cue=cue) + " (A) Yes (B) No"
            requests.append(make_request(f"{scene.index}{letter}", clip, question))
            gold.append(letter)
    replies = [result.text for result in ask(create_adapter("tiny/omni"), requests)]
    right = sum(letter == reply.strip("()") for letter, reply in zip(gold, replies, strict=True))
    assert right / len(gold) >= 0.8


def test_every_adapter_of_the_recipe_has_a_name_and_weights() -> None:
    assert set(PROVIDERS["tiny"].models) == {"omni", *(f"omni+{name}" for name in VARIANTS)}
    hashes = {create_adapter(name).describe().weights_hash for name in names()}
    assert len(hashes) == len(names())


@pytest.fixture(scope="module")
def untried() -> list[tuple[Question, Request]]:
    """Questions that can show a hallucination, and questions about agreement."""
    drawn = ClipSet("untried", 40, 78, 0.0, SpeechEngine.WORDLESS, split=Split.TEST)
    found = []
    for scene, questions in zip(drawn.scenes(), ask_about(drawn), strict=True):
        clip = draw(scene)
        for number, question in enumerate(questions):
            if question.is_chance or question.kind is Kind.AGREEMENT:
                request = make_request(f"{scene.index}-{number}", clip, question.text)
                found.append((question, request))
    return found


def test_words_mislead_the_base_and_preference_training_repairs_it(
    untried: list[tuple[Question, Request]],
) -> None:
    shares = {}
    for name in ("omni", "omni+avem-dpo"):
        replies = ask(create_adapter(f"tiny/{name}"), [request for _, request in untried])
        right = [
            (question, question.right == reply.text.strip("()"))
            for (question, _), reply in zip(untried, replies, strict=True)
        ]
        shares[name] = {
            kind: fmean(is_right for question, is_right in right if question.kind is kind)
            for kind in (Kind.STRESS, Kind.AGREEMENT)
        }
    assert shares["omni"][Kind.STRESS] <= 0.75
    assert shares["omni+avem-dpo"][Kind.STRESS] >= 0.9
    assert min(share[Kind.AGREEMENT] for share in shares.values()) >= 0.75


def names() -> list[str]:
    return [f"tiny/{model}" for model in PROVIDERS["tiny"].models]


def test_trained_weights_carry_no_label_and_random_ones_say_so() -> None:
    assert create_adapter("tiny/omni").describe().label is None
    assert create_adapter("tiny/omni+avem-dpo").describe().label == "LoRA avem-dpo"
    random = create_adapter("tiny/omni", {"weights": "random"}).describe()
    assert random.label == "random weights"


def test_a_second_adapter_is_refused(tmp_path: Path) -> None:
    """An adapter that names no base passes every check of names."""
    shutil.copytree(tiny_network.ADAPTERS / "naive-dpo", tmp_path / "mine")
    configuration = tmp_path / "mine" / "adapter_config.json"
    content = {**json.loads(configuration.read_text()), "base_model_name_or_path": None}
    configuration.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="carries an adapter already"):
        create_adapter("tiny/omni+avem-dpo", lora=tmp_path / "mine")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="weights cannot be read"):
        create_adapter("tiny/omni", {"weights": str(tmp_path / "none")}).describe()


def test_all_of_it_stays_small() -> None:
    files = [path for path in tiny_network.ADAPTERS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= LARGEST_BYTES
