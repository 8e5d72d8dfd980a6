"""The prompts of an example: what is altered, what is left out, what is scored where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import AlteredInput
from emoreal_bench.contracts.request import AudioPart, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.media_cache.store import MediaCache, MediaCacheSettings
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.examples import decoded_clips
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.examples.batches import (
    ALTERED_CLIP,
    BatchMaker,
    Layout,
    PromptMaker,
    References,
)
from emoreal_bench.training.examples.data import TrainingExample, load_training_data
from emoreal_bench.training.examples.decoded_clips import DecodedClips
from emoreal_bench.training.objectives.methods import Pass, make_objective
from tests.training_files import make_settings, make_training_data


class NoModel:
    """Packs nothing: gives the prompts back, or refuses them."""

    def __init__(self, problem: str = "") -> None:
        self._problem = problem

    def prepare(self, prompts: list[PromptWithAnswers]) -> Any:
        if self._problem:
            raise InputError(self._problem)
        return tuple(prompts)


MODEL: Any = NoModel()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_data(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def examples(root: Path) -> list[TrainingExample]:
    return list(_data(root).examples)


def _data(root: Path) -> Any:
    settings = make_settings(root, {"name": "avem_dpo"})
    return load_training_data(TrainingConfig.model_validate(settings))


def _clips(root: Path, kept_bytes: int = 1 << 24, cache: MediaCache | None = None) -> DecodedClips:
    data, config = _data(root), make_settings(root, {"name": "sft"})
    wanted = TrainingConfig.model_validate(config).media
    return DecodedClips(data.clips, data.clip_hashes, wanted, kept_bytes, cache=cache)


def _maker(root: Path, *, alters_both: bool = False) -> PromptMaker:
    return PromptMaker(_clips(root), alters_both=alters_both)


def test_only_what_the_question_is_about_is_altered(
    root: Path, examples: list[TrainingExample]
) -> None:
    video, audio = examples[0], examples[1]
    altered = _maker(root).messages(video, Pass.ALTERED)[0].parts
    assert altered[:2] == (VideoPart(ALTERED_CLIP), AudioPart(video.clip))
    altered = _maker(root).messages(audio, Pass.ALTERED)[0].parts
    assert altered[:2] == (VideoPart(audio.clip), AudioPart(ALTERED_CLIP))


def test_vista_dpo_alters_picture_and_sound(root: Path, examples: list[TrainingExample]) -> None:
    maker = _maker(root, alters_both=True)
    parts = maker.messages(examples[0], Pass.ALTERED)[0].parts
    assert parts[:2] == (VideoPart(ALTERED_CLIP), AudioPart(ALTERED_CLIP))


def test_a_swapped_picture_is_that_of_the_partner(
    root: Path, examples: list[TrainingExample]
) -> None:
    prompt = _maker(root).make(examples[0], Pass.ALTERED, ("yes",))
    altered = examples[0].altered
    assert altered is not None
    assert altered.partner is not None
    partner, own = _clips(root).get(altered.partner), _clips(root).get(examples[0].clip)
    given = prompt.request.clips[ALTERED_CLIP]
    np.testing.assert_array_equal(given.frames, partner.frames)
    np.testing.assert_array_equal(given.waveform, own.waveform)


def test_without_picture_and_sound_only_the_words_are_left(
    root: Path, examples: list[TrainingExample]
) -> None:
    prompt = _maker(root).make(examples[0], Pass.TEXT_ONLY, ("yes",))
    assert all(isinstance(part, TextPart) for part in prompt.request.messages[0].parts)
    assert prompt.request.clips == {}


def test_every_alteration_has_an_identity_of_its_own(
    root: Path, examples: list[TrainingExample]
) -> None:
    clips, clip = _clips(root), examples[0].clip
    silence = AlteredInput(modalities=(Modality.AUDIO,), alteration=Alteration.MUTE)
    noises = [
        AlteredInput(modalities=(Modality.AUDIO,), alteration=Alteration.NOISE, seed=seed)
        for seed in range(2)
    ]
    swap = examples[0].altered
    identities = [clips.identity(clip, altered) for altered in (None, silence, *noises, swap)]
    assert len(set(identities)) == len(identities)


def test_clips_are_kept_up_to_the_memory_for_them(root: Path) -> None:
    generous, mean = _clips(root), _clips(root, kept_bytes=0)
    assert generous.get("a.mp4") is generous.get("a.mp4")
    assert mean.get("a.mp4") is not mean.get("a.mp4")


def test_a_clip_that_the_folder_of_decoded_clips_holds_is_not_decoded_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = MediaCache(MediaCacheSettings(tmp_path), notify=print)
    first = _clips(root, cache=cache).get("a.mp4")
    monkeypatch.setattr(decoded_clips, "decode_clip", None)
    again = _clips(root, cache=cache).get("a.mp4")
    assert first.frames is not None
    assert again.frames is not None
    assert (again.key, again.frames.tobytes()) == (first.key, first.frames.tobytes())


def test_a_broken_clip_is_named(root: Path, tmp_path: Path) -> None:
    copy = make_training_data(tmp_path / "broken")
    (copy / "clips" / "a.mp4").write_bytes(b"no clip")
    with pytest.raises(DataError, match=r"The clip a\.mp4 cannot be trained on"):
        _clips(copy).get("a.mp4")


def test_a_clip_that_is_too_long_names_the_option_that_raises_the_limit(root: Path) -> None:
    data = _data(root)
    wanted = TrainingConfig.model_validate(make_settings(root, {"name": "avem_dpo"})).media
    with pytest.raises(DataError, match=r"the limit is 0\.01 s[\s\S]*--max-clip-seconds"):
        DecodedClips(data.clips, data.clip_hashes, wanted, 0, 0.01).get("a.mp4")
    DecodedClips(data.clips, data.clip_hashes, wanted, 0, 60).get("a.mp4")


def test_answers_of_one_pass_share_a_prompt_and_equal_ones_a_place(
    root: Path, examples: list[TrainingExample]
) -> None:
    method = TrainingConfig.model_validate(make_settings(root, {"name": "avem_dpo"})).method
    layout = Layout(_maker(root), MODEL)
    both, one = examples[0], examples[-1]
    assert one.spurious is None
    places = layout.add([both, one], make_objective(method).answers)
    answers = [text for prompt in layout.prompts for text in prompt.answers]
    assert [len(prompt.answers) for prompt in layout.prompts] == [3, 1, 2, 1]
    assert torch.equal(places["spurious"], torch.tensor([2, 5]))
    assert torch.equal(places["hallucination"], torch.tensor([1, 5]))
    assert [answers[place] for place in places["chosen_altered"]] == [both.chosen, one.chosen]


def test_text_with_a_gradient_is_part_of_the_one_pass(
    root: Path, examples: list[TrainingExample]
) -> None:
    batches = []
    for gradient in (False, True):
        settings = make_settings(root, {"name": "avem_dpo", "text_gradient": gradient})
        objective = make_objective(TrainingConfig.model_validate(settings).method)
        maker = BatchMaker(MODEL, objective, _maker(root))
        batches.append(maker(examples[:2])["batch"])
    apart, together = batches
    assert apart.text_packed is not None
    assert together.text_packed is None
    packed: Any = together.packed
    answers = [text for prompt in packed for text in prompt.answers]
    assert [answers[place] for place in together.text_places["hallucination"]] == [
        example.hallucination for example in examples[:2]
    ]


def test_known_references_come_with_their_examples(
    root: Path, examples: list[TrainingExample]
) -> None:
    method = {"name": "avem_dpo", "text_source": "reference"}
    settings = TrainingConfig.model_validate(make_settings(root, method))
    known = {
        example.id: References({"chosen": -float(n)}, {"chosen": -10.0 - n})
        for n, example in enumerate(examples)
    }
    maker = BatchMaker(MODEL, make_objective(settings.method), _maker(root), known)
    batch = maker([examples[2], examples[0]])["batch"]
    assert batch.reference is not None
    assert batch.reference_text is not None
    assert batch.reference["chosen"].tolist() == [-2.0, 0.0]
    assert batch.reference_text["chosen"].tolist() == [-12.0, -10.0]
    assert batch.text_packed is None


def test_what_the_model_cannot_take_is_named_by_its_example(
    root: Path, examples: list[TrainingExample]
) -> None:
    refusing: Any = NoModel("too long")
    layout = Layout(_maker(root), refusing)
    example = replace(examples[0], id="the long one")
    layout.add([example], make_objective(_sft(root)).answers)
    with pytest.raises(DataError, match=r"the long one[\s\S]*too long"):
        layout.pack()


def _sft(root: Path) -> Any:
    return TrainingConfig.model_validate(make_settings(root, {"name": "sft"})).method
