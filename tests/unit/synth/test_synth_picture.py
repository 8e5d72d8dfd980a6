"""Frames: reproducible, of the picture's side of a scene only, and readable when small."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emoreal_bench.contracts.errors import MissingExtraError
from emoreal_bench.synth import Scene, SynthSettings, make_scenes, sample_clip
from emoreal_bench.synth.cues import VISUAL_CUES, BackgroundSound, Emotion, VisualCue
from emoreal_bench.synth.picture.frames import draw_frames
from emoreal_bench.synth.scenes import Expression

SCENES = make_scenes(SynthSettings(items=100, seed=9))
EXPRESSIONS = [Expression(emotion, cue) for emotion in Emotion for cue in VISUAL_CUES[emotion]]


def small(scene: Scene) -> NDArray[np.float64]:
    """One frame of 112 x 112, as small models see it."""
    image = Image.fromarray(draw_frames(scene, [1.0])[0])
    return np.asarray(image.resize((112, 112), Image.Resampling.BOX), float)


def test_frames_are_reproducible() -> None:
    for scene in SCENES[:4]:
        assert np.array_equal(draw_frames(scene, [0.3, 1.7]), draw_frames(scene, [0.3, 1.7]))


def test_a_frame_does_not_depend_on_the_frames_drawn_with_it() -> None:
    alone = draw_frames(SCENES[0], [1.5])[0]
    assert np.array_equal(draw_frames(SCENES[0], [0.0, 0.4, 1.5])[-1], alone)


def test_frames_are_448_wide_336_high_rgb_bytes() -> None:
    frames = draw_frames(SCENES[0], [0.0, 1.0])
    assert frames.shape == (2, 336, 448, 3)
    assert frames.dtype == np.uint8


@pytest.mark.parametrize("scene", SCENES[:5], ids=lambda scene: scene.clip)
def test_nothing_of_the_sound_changes_the_picture(scene: Scene) -> None:
    other = SCENES[17]
    sounding = replace(
        scene,
        voice=other.voice,
        radio=other.radio,
        background=BackgroundSound.BELL,
        audio_claim=not scene.audio_claim,
        audio_decoy=other.audio_decoy,
    )
    assert np.array_equal(draw_frames(scene, [0.8]), draw_frames(sounding, [0.8]))


@pytest.mark.parametrize("scene", SCENES[:3], ids=lambda scene: scene.clip)
def test_every_expression_differs_from_every_other_in_a_small_frame(scene: Scene) -> None:
    frames = {shown: small(replace(scene, face=shown)) for shown in EXPRESSIONS}
    for one, other in combinations(EXPRESSIONS, 2):
        changed = np.abs(frames[one] - frames[other]).max(-1) > 40
        assert changed.sum() > 40, f"{one.cue} against {other.cue}"


@pytest.mark.parametrize("emotion", Emotion)
def test_the_emotion_is_visible_without_any_difference_of_cues(emotion: Emotion) -> None:
    """Brows, eyes and colour alone tell the emotions apart: the cue is held the same."""
    scene = replace(SCENES[1], face=Expression(emotion, VisualCue.FOLDED_HANDS))
    for other in set(Emotion) - {emotion}:
        twin = replace(scene, face=Expression(other, VisualCue.FOLDED_HANDS))
        changed = np.abs(small(scene) - small(twin)).max(-1) > 40
        assert changed.sum() > 12, f"{emotion} against {other}"


def test_the_poster_changes_only_its_own_corner() -> None:
    scene = replace(SCENES[2], poster=EXPRESSIONS[0])
    other = replace(SCENES[2], poster=EXPRESSIONS[-1])
    changed = (draw_frames(scene, [1.0]) != draw_frames(other, [1.0])).any(-1)[0]
    rows, columns = np.nonzero(changed)
    assert rows.max() < 150
    assert np.ptp(columns) < 130


def test_people_move() -> None:
    for scene in SCENES[:6]:
        first, later = draw_frames(scene, [0.5, 1.1])
        assert (first != later).any()


def test_a_sample_has_the_frames_of_the_file_at_its_times() -> None:
    scene = SCENES[3]
    sample = sample_clip(scene, frames=5)
    whole = draw_frames(scene, [number / 24 for number in range(scene.frames)])
    numbers = [int(n) for n in np.linspace(0, scene.frames - 1, 5)]
    assert np.array_equal(sample.frames, whole[numbers])
    assert sample.timestamps == tuple(number / 24 for number in numbers)
    assert len(sample.waveform) == round(scene.duration * 16_000)


def test_without_pillow_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"emoreal-bench\[synth\]"):
        draw_frames(SCENES[0], [0.0])


@pytest.mark.parametrize("cue", VisualCue)
def test_a_faint_cue_is_less_of_a_change_than_a_clear_one(cue: VisualCue) -> None:
    """Measured against the same person without any cue."""
    emotion = next(one for one in Emotion if cue in VISUAL_CUES[one])
    scene = replace(SCENES[0], face=Expression(emotion, cue))
    none, faint, fair, clear = (small(replace(scene, clarity=c)) for c in (0.0, 0.3, 0.6, 1.0))
    changes = [np.abs(drawn - none).mean() for drawn in (faint, fair, clear)]
    assert 0 < changes[0] < changes[1] < changes[2]
    assert changes[0] == pytest.approx(0.3 * changes[2], rel=0.1)
