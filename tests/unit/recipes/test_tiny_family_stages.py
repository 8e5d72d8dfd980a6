"""The stages of the miniature: they go on where they stopped, and pack without a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.inputs.log_mel import log_mel
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    MAX_AUDIO_SECONDS,
    MEL_BINS,
    OmniInputBuilder,
)
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from emoreal_bench.synth import SpeechEngine
from recipes.tiny_omni import clips as clips_module
from recipes.tiny_omni.clips import ClipSet, DrawnClip, draw_sets, load_clips
from recipes.tiny_omni.encoded import EncodedClip, Encoder
from recipes.tiny_omni.lessons import Lesson
from recipes.tiny_omni.optimisation import Goal, Stage, is_finished, train
from recipes.tiny_omni.packing import LessonNetwork, LessonRow

Network = Qwen2_5OmniThinkerForConditionalGeneration
TOLERANCE = 1e-3  # the towers' tokens are kept in half precision
QUESTIONS = ("Is she sad?\n(A) Yes\n(B) No", "What is it? (A) rain (B) a bell (C) a clock")


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_network.make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: PreTrainedTokenizerFast) -> Network:
    """Make a network whose weights are large enough for its answers to depend on the clip."""
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return network


def encode(network: Network, seed: int, seconds: float) -> EncodedClip:
    clip = make_clip(seed=seed, seconds=seconds, size=(112, 140))
    assert clip.frames is not None
    assert clip.waveform is not None
    sound = log_mel(clip.waveform, MEL_BINS, MAX_AUDIO_SECONDS)
    drawn = DrawnClip(clip.frames, sound.numpy(), clip.timestamps)
    (encoded,) = Encoder(network).encode([drawn])
    return encoded


def test_a_packed_lesson_is_as_likely_as_its_answer_in_an_evaluation(
    network: Network, tokenizer: PreTrainedTokenizerFast
) -> None:
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    model = Qwen25Omni(network, tokenizer, builder)
    letters = [model.letter_token(letter) for letter in "AB"]
    rows, expected = [], []
    for seed, seconds in ((1, 1.5), (2, 2.1)):
        # The end of the turn is learned, too; what it adds is taken off again.
        whole = [Lesson(question, (("", letter),)) for question in QUESTIONS for letter in "AB"]
        ends = [Lesson(question, ((letter, ""),)) for question in QUESTIONS for letter in "AB"]
        rows.append(LessonRow(encode(network, seed, seconds), [*whole, *ends]))
        requests = [
            make_request(question, make_clip(seed=seed, seconds=seconds, size=(112, 140)), question)
            for question in QUESTIONS
        ]
        inputs = [one for one in model.prepare(requests) if not isinstance(one, Exception)]
        scores = model.score_first_token(inputs, [letters] * len(inputs))
        expected.append([score for row in scores for score in row])
    found = LessonNetwork(network, tokenizer).log_probabilities(rows)
    answers = [[w - e for w, e in zip(row[:4], row[4:], strict=True)] for row in found]
    assert np.array(answers) == pytest.approx(np.array(expected), abs=TOLERANCE)
    assert np.ptp(np.array(expected)) > 0.1


def test_what_is_learned_is_the_answer_and_the_end(
    network: Network, tokenizer: PreTrainedTokenizerFast
) -> None:
    lessons = LessonNetwork(network, tokenizer)
    lesson = Lesson("Is she sad?", ((" tears", " yes"), (" smile", " no")))
    (total,) = lessons.log_probabilities([LessonRow(None, [lesson])])
    mean = lessons.loss([LessonRow(None, [lesson])]).item()
    assert mean == pytest.approx(-total[0] / 3, rel=1e-5)  # yes, no and the end


def test_scores_are_those_of_the_first_learned_token(
    network: Network, tokenizer: PreTrainedTokenizerFast
) -> None:
    lessons = LessonNetwork(network, tokenizer)
    clip = encode(network, 1, 1.5)
    asked = [Lesson(question, (("(", "A"),)) for question in QUESTIONS]
    rows = [LessonRow(clip, asked), LessonRow(None, asked[:1])]
    found = lessons.scores(rows, ("A", "B"))
    assert [tuple(one.shape) for one in found] == [(2, 2), (1, 2)]
    # The end of the turn is learned, too; what it adds is taken off again.
    for number, letter in enumerate("AB"):
        whole = [Lesson(question, (("(", letter),)) for question in QUESTIONS]
        ends = [Lesson(question, ((f"({letter}", ""),)) for question in QUESTIONS]
        (said,) = lessons.log_probabilities([LessonRow(clip, [*whole, *ends])])
        expected = [w - e for w, e in zip(said[:2], said[2:], strict=True)]
        assert found[0][:, number].tolist() == pytest.approx(expected, abs=1e-4)


def test_the_sound_of_another_clip_is_read_as_if_it_had_been_recorded_with_the_picture(
    network: Network,
) -> None:
    seen, heard = encode(network, 1, 1.5), encode(network, 2, 2.1)
    first = make_clip(seed=1, seconds=1.5, size=(112, 140))
    second = make_clip(seed=2, seconds=2.1, size=(112, 140))
    assert first.frames is not None
    assert second.waveform is not None
    sound = log_mel(second.waveform, MEL_BINS, MAX_AUDIO_SECONDS)
    (expected,) = Encoder(network).encode(
        [DrawnClip(first.frames, sound.numpy(), first.timestamps)]
    )
    together = seen.with_sound_of(heard)
    for name in ("ids", "positions", "seen", "heard"):
        found, wanted = getattr(together, name), getattr(expected, name)
        assert torch.allclose(found.float(), wanted.float(), atol=1e-2)


class StoppedError(Exception):
    """Stands for the end of the process."""


def toy_stage(folder: Path, stop_at: int | None = None) -> Tensor:
    """Train one layer for 120 steps, or until it is stopped, and give its weights."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 1)

    def loss(step: int, rng: np.random.Generator) -> Tensor:
        if step == stop_at:
            raise StoppedError
        given = torch.from_numpy(rng.normal(size=(4, 3)).astype(np.float32))
        missed: Tensor = layer(given) - given.sum(1, keepdim=True)
        return missed.square().mean()

    train(Stage("toy", 120, 4, 1e-2, 0.0, 5), {"layer": layer}, loss, folder)
    return layer.weight.detach()


def test_a_stopped_stage_ends_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        toy_stage(tmp_path / "stopped", stop_at=70)
    resumed = toy_stage(tmp_path / "stopped")
    assert torch.equal(resumed, toy_stage(tmp_path / "whole"))


def test_a_finished_stage_is_loaded_without_a_step(tmp_path: Path) -> None:
    learned = toy_stage(tmp_path)
    assert is_finished(Stage("toy", 120, 4, 1e-2, 0.0, 5), tmp_path)
    assert torch.equal(toy_stage(tmp_path, stop_at=0), learned)


def test_a_stage_ends_at_its_goal_and_stays_there(tmp_path: Path) -> None:
    asked: list[int] = []

    def is_reached(step: int) -> bool:
        asked.append(step)
        return step >= 30

    layer = nn.Linear(1, 1)
    stage = Stage("toy", 120, 4, 1e-2, 0.0, 5)
    taken: list[int] = []

    def loss(step: int, _rng: np.random.Generator) -> Tensor:
        taken.append(step)
        return layer.weight.square().sum() + layer.bias.sum()

    for _ in range(2):
        assert train(stage, {"layer": layer}, loss, tmp_path, Goal(is_reached, every=10))
    assert asked == [10, 20, 30]
    assert taken == list(range(30))
    assert is_finished(stage, tmp_path)


def test_a_stage_that_never_reaches_its_goal_says_so_also_when_it_is_found_again(
    tmp_path: Path,
) -> None:
    layer = nn.Linear(1, 1)
    stage = Stage("toy", 4, 4, 1e-2, 0.0, 5)
    for _ in range(2):
        never = Goal(lambda _step: False, every=2)
        assert not train(stage, {"layer": layer}, lambda *_: layer.weight.sum(), tmp_path, never)


def test_drawing_goes_on_with_the_missing_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips_module, "SHARD_CLIPS", 1)
    drawn = ClipSet("some", 2, 5, 0.0, SpeechEngine.WORDLESS)
    draw_sets([drawn], tmp_path)
    shards = sorted((tmp_path / "some").iterdir())
    before = [clip.pixels for clip in load_clips(drawn, tmp_path)]
    kept = shards[0].stat().st_mtime_ns
    shards[1].unlink()
    draw_sets([drawn], tmp_path)
    after = [clip.pixels for clip in load_clips(drawn, tmp_path)]
    assert shards[0].stat().st_mtime_ns == kept
    assert len(after) == len(shards) == 2
    assert np.array_equal(before, after)


def test_what_other_towers_make_of_clips_is_kept_apart(tmp_path: Path) -> None:
    clip_set = ClipSet("some", 2, 5, 0.0, SpeechEngine.WORDLESS)
    draw_sets((clip_set,), tmp_path / "clips")
    shape = tiny_network.settings(tiny_network.make_tokenizer())
    made = []
    for seed in (0, 1, 0):
        encoder = Encoder(tiny_network.make_network(shape, seed))
        made.append(encoder.encode_set(clip_set, tmp_path / "clips", tmp_path / "encoded")[0])
    assert len([*(tmp_path / "encoded").iterdir()]) == 2
    assert torch.equal(made[0].seen, made[2].seen)
    assert not torch.equal(made[0].seen, made[1].seen)
