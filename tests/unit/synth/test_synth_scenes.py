"""Scenes: reproducible, balanced, and never shared between train and test."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.synth import Scene, Split, SynthSettings, make_scenes
from emoreal_bench.synth.cues import AUDIO_CUES, BOUND_THINGS, VISUAL_CUES, Emotion
from emoreal_bench.synth.scenes import scene_seed
from emoreal_bench.synth.settings import MAX_SEED

seeds = st.integers(0, MAX_SEED)
indices = st.integers(0, 2**31)


def scenes(clips: int, **settings: object) -> tuple[Scene, ...]:
    return make_scenes(SynthSettings.model_validate({"items": 5 * clips, **settings}))


def test_the_same_settings_give_the_same_scenes() -> None:
    assert scenes(100, seed=4) == scenes(100, seed=4)
    assert scenes(100, seed=4) != scenes(100, seed=5)


def test_a_smaller_set_is_the_beginning_of_a_larger_one() -> None:
    assert scenes(100, seed=4)[:30] == scenes(30, seed=4)


@given(st.sampled_from(Split), seeds, indices, st.sampled_from(Split), seeds, indices)
def test_two_clips_share_a_scene_seed_only_if_they_are_the_same(
    split: Split, seed: int, index: int, other_split: Split, other_seed: int, other_index: int
) -> None:
    same = (split, seed, index) == (other_split, other_seed, other_index)
    assert (
        scene_seed(split, seed, index) == scene_seed(other_split, other_seed, other_index)
    ) == same


def test_train_and_test_of_one_seed_share_no_scene() -> None:
    train, test = scenes(200, split="train"), scenes(200, split="test")
    assert not {scene.seed for scene in train} & {scene.seed for scene in test}
    assert [scene.face for scene in train] != [scene.face for scene in test]


@pytest.mark.parametrize("clips", [8, 40, 56])
def test_answers_are_balanced_in_every_eight_clips(clips: int) -> None:
    for flag in ("agree", "video_claim", "audio_claim"):
        assert sum(getattr(scene, flag) for scene in scenes(clips)) == clips / 2


def test_every_emotion_and_cue_of_a_face_comes_equally_often() -> None:
    shown = Counter(scene.face for scene in scenes(560))
    assert len(shown) == 14
    assert set(shown.values()) == {40}


def test_every_emotion_of_a_voice_comes_about_equally_often() -> None:
    heard = Counter(scene.voice.emotion for scene in scenes(1400))
    assert all(abs(count - 200) < 25 for count in heard.values())


def test_face_and_voice_show_a_cue_of_their_emotion() -> None:
    for scene in scenes(200, correlation=0.5):
        assert scene.face.cue in VISUAL_CUES[scene.face.emotion]
        assert scene.voice.cue in AUDIO_CUES[scene.voice.emotion]


def test_poster_and_radio_never_show_the_persons_own_cue() -> None:
    for scene in scenes(400, correlation=0.3):
        assert scene.poster.cue is not scene.face.cue
        assert scene.radio.cue is not scene.voice.cue


def test_half_of_the_posters_show_the_same_emotion_whatever_the_answer() -> None:
    for claim in (True, False):
        asked = [scene for scene in scenes(560) if scene.video_claim is claim]
        same = sum(scene.poster.emotion is scene.face.emotion for scene in asked)
        assert same == len(asked) / 2


@pytest.mark.parametrize(("correlation", "expected"), [(0.0, 0.5), (0.6, 0.8), (1.0, 1.0)])
def test_the_correlation_says_how_often_the_typical_cue_is_shown(
    correlation: float, expected: float
) -> None:
    drawn = scenes(1400, correlation=correlation)
    seen = sum(s.face.cue is VISUAL_CUES[s.face.emotion][0] for s in drawn) / len(drawn)
    heard = sum(s.voice.cue is AUDIO_CUES[s.voice.emotion][0] for s in drawn) / len(drawn)
    assert seen == pytest.approx(expected, abs=0.04)
    assert heard == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(("correlation", "expected"), [(0.0, 2 / 7), (1.0, 1.0)])
def test_the_correlation_binds_things_to_the_emotion_of_the_face(
    correlation: float, expected: float
) -> None:
    drawn = scenes(1400, correlation=correlation)
    bound = sum(BOUND_THINGS[s.face.emotion] in s.things for s in drawn) / len(drawn)
    assert bound == pytest.approx(expected, abs=0.05)


def test_a_decoy_is_the_other_modalitys_emotion_where_the_two_differ() -> None:
    for scene in scenes(200):
        assert scene.video_decoy is not scene.face.emotion
        assert scene.audio_decoy is not scene.voice.emotion
        if not scene.agree:
            assert scene.video_decoy is scene.voice.emotion
            assert scene.audio_decoy is scene.face.emotion


def test_clips_last_two_to_four_seconds() -> None:
    assert all(2 <= scene.duration <= 4 for scene in scenes(200))


def test_there_are_seven_emotions_with_two_cues_of_their_own_each() -> None:
    assert len(Emotion) == 7
    for cues in (VISUAL_CUES, AUDIO_CUES):
        assert len({cue for pair in cues.values() for cue in pair}) == 14


def test_faint_cues_change_nothing_else_of_a_scene() -> None:
    clear, faint = scenes(200, seed=4), scenes(200, seed=4, faint=0.25)
    assert {scene.clarity for scene in clear} == {1.0}
    assert tuple(replace(scene, clarity=1.0) for scene in faint) == clear
    share = sum(scene.clarity < 1 for scene in faint) / len(faint)
    assert share == pytest.approx(0.25, abs=0.1)
    assert all(0 < scene.clarity < 1 for scene in scenes(50, seed=4, faint=1.0))
