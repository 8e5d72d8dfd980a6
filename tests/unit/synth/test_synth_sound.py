"""Sound: reproducible, of the sound's side of a scene only, with measurable emotions."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import MissingExtraError
from emoreal_bench.synth import Scene, SpeechEngine, SynthSettings, make_scenes
from emoreal_bench.synth.cues import AudioCue, BackgroundSound, Emotion, VisibleThing
from emoreal_bench.synth.picture.backgrounds import BACKGROUNDS
from emoreal_bench.synth.voice import speech as speech_module
from emoreal_bench.synth.voice.sound import play_radio, synthesize_sound
from emoreal_bench.synth.voice.speech import (
    MANNERS,
    SENTENCES,
    SPEAKERS,
    Speaker,
    available_engine,
    speak,
)
from emoreal_bench.synth.voice.utterances import UTTERANCES
from emoreal_bench.synth.voice.waves import root_mean_square

Wave = NDArray[np.float64]
ENGINES = (
    pytest.param(
        SpeechEngine.ESPEAK,
        marks=pytest.mark.skipif(
            available_engine(None) is SpeechEngine.WORDLESS, reason="eSpeak NG is not installed"
        ),
    ),
    SpeechEngine.WORDLESS,
)
SCENES = make_scenes(SynthSettings(items=100, seed=9, speech=SpeechEngine.WORDLESS))
PITCH = 150.0


def pitch(wave: Wave) -> float:
    """Median fundamental frequency in Hz, by autocorrelation."""
    found = []
    for start in range(0, len(wave) - 800, 400):
        piece = wave[start : start + 800] - wave[start : start + 800].mean()
        if piece.std() > 0.1 * wave.std():
            similar = np.correlate(piece, piece, "full")[799:]
            lag = 32 + int(similar[32:290].argmax())
            if similar[lag] > 0.5 * similar[0]:
                found.append(16_000 / lag)
    return float(np.median(found))


def centre(wave: Wave) -> float:
    """Centre of the spectrum in Hz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float(np.fft.rfftfreq(len(wave), 1 / 16_000) @ power / power.sum())


def utterance(cue: AudioCue) -> Wave:
    return UTTERANCES[cue](PITCH, np.random.default_rng(0))


def spoken(engine: SpeechEngine, speaker: Speaker, emotion: Emotion) -> list[Wave]:
    return [speak(engine, speaker, sentence, emotion) for sentence in SENTENCES]


def test_sound_is_reproducible() -> None:
    for scene in SCENES[:4]:
        assert np.array_equal(synthesize_sound(scene), synthesize_sound(scene))


def test_sound_is_as_long_as_the_picture_and_never_clips() -> None:
    for scene in SCENES:
        sound = synthesize_sound(scene)
        assert sound.dtype == np.float32
        assert len(sound) == round(scene.duration * 16_000)
        assert 0.05 < np.abs(sound).max() <= 1
        assert np.mean(np.abs(sound) == 1) < 0.001


@pytest.mark.parametrize("scene", SCENES[:5], ids=lambda scene: scene.clip)
def test_nothing_of_the_picture_changes_the_sound(scene: Scene) -> None:
    other = SCENES[17]
    seen = replace(
        scene,
        face=other.face,
        poster=other.poster,
        things=(VisibleThing.CANDLE, VisibleThing.PLANT),
        video_claim=not scene.video_claim,
        video_decoy=other.video_decoy,
    )
    assert np.array_equal(synthesize_sound(scene), synthesize_sound(seen))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.variant)
def test_pitch_follows_the_emotion(engine: SpeechEngine, speaker: Speaker) -> None:
    measured = {
        emotion: float(np.median([pitch(wave) for wave in spoken(engine, speaker, emotion)]))
        for emotion in Emotion
    }
    low, middle, high = (
        (Emotion.SADNESS, Emotion.DISGUST),
        (Emotion.NEUTRAL, Emotion.ANGER),
        (Emotion.SURPRISE, Emotion.FEAR),
    )
    assert max(measured[e] for e in low) < min(measured[e] for e in middle)
    assert max(measured[e] for e in middle) < measured[Emotion.HAPPINESS]
    assert measured[Emotion.HAPPINESS] < min(measured[e] for e in high)
    assert measured[Emotion.NEUTRAL] == pytest.approx(speaker.pitch, rel=0.12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("emotion", Emotion)
def test_loudness_is_that_of_the_emotion(engine: SpeechEngine, emotion: Emotion) -> None:
    for wave in spoken(engine, SPEAKERS[0], emotion):
        assert root_mean_square(wave) == pytest.approx(MANNERS[emotion].loudness, rel=0.01)


def test_angry_speech_is_the_loudest_and_sad_speech_the_quietest() -> None:
    by_loudness = sorted(MANNERS, key=lambda emotion: MANNERS[emotion].loudness)
    assert (by_loudness[0], by_loudness[-1]) == (Emotion.SADNESS, Emotion.ANGER)


@pytest.mark.parametrize("engine", ENGINES)
def test_sad_speech_is_the_slowest_and_fearful_speech_the_fastest(engine: SpeechEngine) -> None:
    lasts = {
        emotion: np.mean([len(wave) for wave in spoken(engine, SPEAKERS[1], emotion)])
        for emotion in Emotion
    }
    assert max(lasts, key=lambda emotion: lasts[emotion]) is Emotion.SADNESS
    assert min(lasts, key=lambda emotion: lasts[emotion]) is Emotion.FEAR


@pytest.mark.parametrize("engine", ENGINES)
def test_speech_leaves_room_for_the_cue_in_the_shortest_clip(engine: SpeechEngine) -> None:
    longest = max(
        len(wave) for speaker in SPEAKERS for wave in spoken(engine, speaker, Emotion.SADNESS)
    )
    shortest_clip, longest_cue, overlap = 2.75, 0.9, 0.3
    assert longest / 16_000 + longest_cue < shortest_clip + overlap


@pytest.mark.parametrize("cue", AudioCue)
def test_an_utterance_is_short_of_full_level_and_varies(cue: AudioCue) -> None:
    wave = utterance(cue)
    assert 0.3 * 16_000 < len(wave) < 1.0 * 16_000
    assert np.abs(wave).max() == pytest.approx(1)
    again = UTTERANCES[cue](PITCH, np.random.default_rng(1))
    assert not np.array_equal(wave, again)


def test_the_spectra_of_utterances_are_where_their_names_say() -> None:
    centres = {cue: centre(utterance(cue)) for cue in AudioCue}
    low = (AudioCue.CALM_HUM, AudioCue.GROWL)
    high = (AudioCue.GASP, AudioCue.SCREAM, AudioCue.TONGUE_CLICKS, AudioCue.WHISTLING)
    assert max(centres[cue] for cue in low) < 600
    assert min(centres[cue] for cue in high) > 1100
    assert centres[AudioCue.LONG_SIGH] < centres[AudioCue.PANTING] < centres[AudioCue.GASP]


@pytest.mark.parametrize("sound", BackgroundSound)
def test_a_background_lasts_as_long_as_the_clip_and_stays_behind_it(
    sound: BackgroundSound,
) -> None:
    wave = BACKGROUNDS[sound](3.0, np.random.default_rng(0))
    assert len(wave) == 48_000
    assert root_mean_square(wave) < 0.15
    assert np.abs(wave).max() <= 0.5


def test_the_radio_has_a_narrow_band() -> None:
    for scene in SCENES[:10]:
        played = play_radio(scene, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(played)) ** 2
        frequency = np.fft.rfftfreq(len(played), 1 / 16_000)
        inside = power[(frequency > 600) & (frequency < 2700)].sum()
        assert inside / power.sum() > 0.95
        assert np.abs(played).max() < 0.2


def test_without_espeak_voices_are_wordless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_module, "find_spec", lambda name: None)
    assert available_engine(None) is SpeechEngine.WORDLESS
    with pytest.raises(MissingExtraError, match=r"emoreal-bench\[synth\]"):
        available_engine(SpeechEngine.ESPEAK)


@pytest.mark.skipif(
    available_engine(None) is SpeechEngine.WORDLESS, reason="eSpeak NG is not installed"
)
def test_espeak_says_the_same_in_another_process_after_other_scenes() -> None:
    code = """
from emoreal_bench.synth import SynthSettings, make_scenes
from emoreal_bench.synth.voice.sound import synthesize_sound
scenes = make_scenes(SynthSettings(items=15, seed=2))
import hashlib, sys
order = scenes if sys.argv[1] == "forward" else scenes[::-1]
sounds = {scene.index: synthesize_sound(scene).tobytes() for scene in order}
print(hashlib.sha256(b"".join(sounds[index] for index in sorted(sounds))).hexdigest())
"""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, order], check=True, capture_output=True, text=True
        ).stdout
        for order in ("forward", "backward")
    }
    assert len(hashes) == 1


INTERRUPTED = """
import os, signal
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.voice import espeak
from emoreal_bench.synth.voice.speech import SENTENCES, SPEAKERS

def interrupted(self, *what, say=espeak._Library.say):
    os.kill(os.getpid(), signal.SIGINT)
    return say(self, *what)

espeak._Library.say = interrupted
told = []
for _ in range(2):
    try:
        espeak.spoken(SPEAKERS[0], SENTENCES[0], list(Emotion)[0])
        told.append("spoken")
    except KeyboardInterrupt:
        told.append("interrupted")
print(*told)
"""


@pytest.mark.skipif(
    available_engine(None) is SpeechEngine.WORDLESS, reason="eSpeak NG is not installed"
)
def test_ctrl_c_comes_once_all_is_spoken_and_costs_no_sound() -> None:
    """In a callback from C it was lost, and so was the piece of sound."""
    made = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True
    )
    assert made.stdout.split() == ["interrupted", "spoken"], made.stderr


def test_a_faint_cue_is_quieter_and_the_rest_is_as_loud() -> None:
    for scene in SCENES[:5]:
        none, faint, clear = (
            synthesize_sound(replace(scene, clarity=clarity)) for clarity in (0.0, 0.2, 1.0)
        )
        assert np.allclose(faint - none, 0.2 * (clear - none), atol=1e-3)
        assert np.abs(clear - none).max() > 0.1
